// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/realtime-operator/realtime-operator/hack/bench/internal/child"
)

// measurement is what a row has shown. What was measured in several rounds is a list.
type measurement struct {
	row row
	// CPU of the gateway and of NATS, in ns for each byte that the gateway was sent, without what
	// they take when the neighbor is alone.
	cpu, natsCPU []float64
	outcome      outcome // of all rounds together
	// p99 of the neighbor's events in ms: alone, while another gateway of the same machine is
	// attacked, and while its own is.
	alone, elsewhere, here []float64
	median                 []float64 // p50 of the last
	// Memory for a client at the height of the flood, in bytes.
	goBytes, resident float64
	clients           int64
}

// bench are the processes of a row.
type bench struct {
	settings
	row           row
	broker        *child.Server
	target, decoy *child.Server
	neighbor      *neighbor
}

func measure(ctx context.Context, s settings, r row) (_ *measurement, err error) {
	b := &bench{settings: s, row: r}
	if b.broker, err = child.Start(ctx, roleBroker); err != nil {
		return nil, err
	}
	defer b.broker.Stop()
	service := r.service
	if service == "" {
		service = serviceJSON
	}
	for _, g := range []struct {
		server **child.Server
		name   string
	}{{&b.target, "target"}, {&b.decoy, "decoy"}} {
		if *g.server, err = child.Start(ctx, roleServe, service, g.name, "nats://"+b.broker.Address); err != nil {
			return nil, err
		}
		defer (*g.server).Kill()
	}
	if b.neighbor, err = newNeighbor(ctx, b.target.Address, service); err != nil {
		return nil, err
	}
	defer b.neighbor.close()
	if _, err := b.neighbor.echo(s.pace, s.duration); err != nil { // warm up
		return nil, err
	}
	return b.measure(ctx)
}

func (b *bench) measure(ctx context.Context) (*measurement, error) {
	m := &measurement{row: b.row}
	pace, err := b.paceOf(ctx)
	if err != nil {
		return nil, err
	}
	for range b.rounds {
		if err := b.round(ctx, m, pace); err != nil {
			return nil, err
		}
	}
	return m, b.flood(ctx, m)
}

// paceOf is the bytes a second that have the gateway take its share of a processor.
func (b *bench) paceOf(ctx context.Context) (float64, error) {
	pace := 300_000.0
	for range 3 { // the first guess may be far off
		var sent int64
		var used time.Duration
		err := b.attack(ctx, b.target, pace, func(func() error) error {
			before, err := cpuOf(b.target.PID)
			if err != nil {
				return err
			}
			pause(b.duration / 2)
			after, err := cpuOf(b.target.PID)
			used = after - before
			return err
		}, func(o *outcome) { sent = o.Sent })
		if err != nil {
			return 0, err
		}
		if sent == 0 {
			pace *= 20
			continue
		}
		factor := b.share * b.duration.Seconds() / 2 / max(used.Seconds(), 1e-3)
		pace = min(pace*min(factor, 20), mostBytes)
		if factor < 2 {
			break
		}
	}
	return max(pace, 20_000), nil
}

// mostBytes a second is what an attacker sends at most, lest it take the machine rather than the
// gateway.
const mostBytes = 40e6

// round measures the neighbor alone, with the attack on another gateway, and with that on its own.
func (b *bench) round(ctx context.Context, m *measurement, pace float64) error {
	if err := settle(b.target); err != nil { // what came before is not to be taken for its idle time
		return err
	}
	alone, idle, idleNATS, err := b.interval()
	if err != nil {
		return err
	}
	m.alone = append(m.alone, alone.percentile(99))
	err = b.attack(ctx, b.decoy, pace, func(func() error) error {
		elsewhere, _, _, err := b.interval()
		if err == nil {
			m.elsewhere = append(m.elsewhere, elsewhere.percentile(99))
		}
		return err
	}, func(*outcome) {})
	if err != nil {
		return err
	}
	var used, usedNATS time.Duration
	return b.attack(ctx, b.target, pace, func(func() error) error {
		here, gateway, nats, err := b.interval()
		if err != nil {
			return err
		}
		used, usedNATS = gateway-idle, nats-idleNATS
		m.here = append(m.here, here.percentile(99))
		m.median = append(m.median, here.percentile(50))
		return nil
	}, func(o *outcome) {
		m.outcome.add(o)
		m.cpu = append(m.cpu, float64(used.Nanoseconds())/float64(max(o.Sent, 1)))
		m.natsCPU = append(m.natsCPU, float64(usedNATS.Nanoseconds())/float64(max(o.Sent, 1)))
	})
}

// interval has the neighbor's events answered for a time, and tells what the gateway and NATS have
// taken meanwhile.
func (b *bench) interval() (l latencies, gateway, nats time.Duration, err error) {
	before, err := b.used()
	if err != nil {
		return nil, 0, 0, err
	}
	if l, err = b.neighbor.echo(b.pace, b.duration); err != nil {
		return nil, 0, 0, fmt.Errorf("the neighbor: %w", err)
	}
	slices.Sort(l)
	after, err := b.used()
	return l, after[0] - before[0], after[1] - before[1], err
}

func (b *bench) used() (u [2]time.Duration, err error) {
	for i, pid := range []int{b.target.PID, b.broker.PID} {
		if u[i], err = cpuOf(pid); err != nil {
			return u, err
		}
	}
	return u, nil
}

// flood attacks as fast as it goes, and looks at the memory.
func (b *bench) flood(ctx context.Context, m *measurement) error {
	before, err := memoryOf(ctx, b.target.Address)
	if err != nil {
		return err
	}
	return b.attack(ctx, b.target, 0, func(hush func() error) error {
		if err := b.profile(ctx); err != nil {
			return err
		}
		pause(2 * b.duration)
		if err := hush(); err != nil {
			return fmt.Errorf("stop the flood: %w", err)
		}
		if err := settle(b.target); err != nil {
			return err
		}
		now, err := memoryOf(ctx, b.target.Address)
		m.clients = max(int64(b.row.clients), now.Connections-1)
		m.goBytes = float64(now.Go-before.Go) / float64(m.clients)
		m.resident = float64(now.Resident-before.Resident) / float64(m.clients)
		return err
	}, func(*outcome) {})
}

func (b *bench) profile(ctx context.Context) error {
	if b.profiles == "" {
		return nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.target.Address+controlPath+"profile?seconds=2", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("take a profile: %w", err)
	}
	defer resp.Body.Close()
	file, err := os.Create(filepath.Join(b.profiles, b.row.name+".cpu"))
	if err != nil {
		return fmt.Errorf("keep a profile: %w", err)
	}
	defer file.Close()
	_, err = io.Copy(file, resp.Body)
	return err
}

// attack has a process attack a gateway while something goes on, and then tells what came of it.
func (b *bench) attack(ctx context.Context, on *child.Server, pace float64, meanwhile func(hush func() error) error, then func(*outcome)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	command, err := child.Command(ctx, roleAttack, b.row.name, on.Address, strconv.FormatFloat(pace, 'f', 0, 64))
	if err != nil {
		return err
	}
	input, err := command.StdinPipe()
	if err != nil {
		return fmt.Errorf("start the attack: %w", err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start the attack: %w", err)
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("start the attack: %w", err)
	}
	reader := bufio.NewReader(output)
	_, err = reader.ReadString('\n') // when all have begun
	if err == nil {
		err = meanwhile(func() error {
			_, err := input.Write([]byte{'h'})
			return err
		})
	}
	input.Close()
	var o outcome
	if readErr := json.NewDecoder(reader).Decode(&o); err == nil {
		err = readErr
	}
	_, _ = io.Copy(io.Discard, reader)
	if err := errors.Join(err, command.Wait()); err != nil {
		return fmt.Errorf("attack: %w", err)
	}
	then(&o)
	return nil
}

func pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}

// settle waits until a gateway has done all that it was sent: for some looks it takes no time of
// processors, and nothing waits for it in the kernel. It does not wait for what the gateway does
// not read.
func settle(server *child.Server) error {
	const look, quietLooks = 100 * time.Millisecond, 3
	before, err := cpuOf(server.PID)
	quiet := 0
	for begin := time.Now(); err == nil && quiet < quietLooks && time.Since(begin) < 3*patience; {
		pause(look)
		now, cpuErr := cpuOf(server.PID)
		unread, unreadErr := unreadBy(server.Address)
		err = errors.Join(cpuErr, unreadErr)
		if quiet++; now-before > look/50 || unread > 0 && time.Since(begin) < patience {
			quiet = 0
		}
		before = now
	}
	return err
}

// unreadBy is how many bytes the kernel keeps that have come to a server and were not read.
func unreadBy(address string) (total int64, err error) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0, fmt.Errorf("find the server's sockets: %w", err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("find the server's sockets: %w", err)
	}
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return 0, fmt.Errorf("find the server's sockets: %w", err)
	}
	local := fmt.Sprintf("0100007F:%04X", number)
	for line := range strings.Lines(string(table)) {
		const listens = "0A"
		fields := strings.Fields(line) // number, local, remote, state, queues…
		if len(fields) < 5 || fields[1] != local || fields[3] == listens {
			continue
		}
		_, queue, _ := strings.Cut(fields[4], ":")
		n, err := strconv.ParseInt(queue, 16, 64)
		if err != nil {
			return 0, fmt.Errorf("read what a socket holds: %w", err)
		}
		total += n
	}
	return total, nil
}

// cpuOf is the time that a process has taken of processors so far.
func cpuOf(pid int) (time.Duration, error) {
	var t unix.Timespec
	const scheduled = 2 // CPUCLOCK_SCHED
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &t); err != nil {
		return 0, fmt.Errorf("read the time that process %d takes: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}
