// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/realtime-operator/realtime-operator/test/chaos/internal/stack"
)

// kind is a stock client with a transport.
type kind struct {
	name string
	// recovers is true for clients that know of connection state recovery.
	recovers bool
	command  []string // in test/clients; the URL follows, and then the transports
	by       []string
}

// python is Debian's, which has the package.
var python = cmp.Or(os.Getenv("PYTHON"), "/usr/bin/python3")

// checkPython says what to install.
func checkPython() error {
	if out, err := exec.Command(python, "-c", "import socketio, aiohttp").CombinedOutput(); err != nil {
		return fmt.Errorf("the stock clients need Debian's python3-socketio and python3-aiohttp, or PYTHON with both; -stock 0 does without: %w\n%s", err, out)
	}
	return nil
}

const handledAnswer = `"ok"`

// kinds are all that there are: of each client one that upgrades and one that polls.
var kinds = func() []kind {
	clients := []kind{
		{name: "socket.io-client 4", recovers: true, command: []string{"node", "chaos/client.mjs", "socket.io-client"}},
		{name: "socket.io-client 3", command: []string{"node", "chaos/client.mjs", "socket.io-client-3"}},
		{name: "socket.io-client 2", command: []string{"node", "chaos/client.mjs", "socket.io-client-2"}},
		{name: "python-socketio", command: []string{python, "chaos/client.py"}},
	}
	var all []kind
	for _, k := range clients {
		for _, by := range [][]string{{"polling", "websocket"}, {"polling"}} {
			k.by = by
			all = append(all, k)
		}
	}
	return all
}()

func (o Options) guests() int { return o.Stock * len(kinds) }

// guestProcess is a stock client that runs, and its way to the service.
type guestProcess struct {
	guest *guest
	cmd   *exec.Cmd
	front *stack.Front
	end   func() error // closes its standard input
}

// startGuests starts the stock clients. stop ends them; its error is of those that have not done
// what they should.
func (r *run) startGuests(ctx context.Context) (stop func() error, err error) {
	var processes []*guestProcess
	var running sync.WaitGroup
	errs := make([]error, r.o.guests())
	stop = func() error {
		for _, p := range processes {
			_ = p.end() // it may have ended
		}
		running.Wait()
		for _, p := range processes {
			p.front.Close()
		}
		return errors.Join(errs...)
	}
	if len(errs) > 0 {
		if err := checkPython(); err != nil {
			return stop, err
		}
	}
	for i := range errs {
		k := kinds[i%len(kinds)]
		id := r.o.Clients + i
		p, told, err := r.startGuest(id, k)
		if err != nil {
			return stop, err
		}
		processes = append(processes, p)
		r.guests = append(r.guests, p.guest)
		running.Go(func() {
			errs[i] = errors.Join(p.guest.run(told), p.cmd.Wait())
			told.Close()
			if errs[i] != nil && ctx.Err() == nil {
				errs[i] = fmt.Errorf("%s: %w", k.name, errs[i])
			}
			p.guest.joined.Store(false)
		})
	}
	return stop, nil
}

func (r *run) startGuest(id int, k kind) (p *guestProcess, told *os.File, err error) {
	f, err := stack.NewFront(r.world.balancer, id)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	args := append(append(k.command[1:len(k.command):len(k.command)], "http://"+f.Address()), k.by...)
	cmd := exec.Command(k.command[0], args...)
	cmd.Dir = r.o.StockDir
	cmd.SysProcAttr = stack.DeathSignal()
	orders, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, fmt.Errorf("order a stock client about: %w", err)
	}
	log, err := os.OpenFile(filepath.Join(r.o.Dir, fmt.Sprintf("stock-%d.log", id)), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, nil, fmt.Errorf("open the log of a stock client: %w", err)
	}
	defer log.Close()
	cmd.Stderr = log
	told, tell, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("listen to a stock client: %w", err)
	}
	defer tell.Close()
	cmd.Stdout = tell
	if err := cmd.Start(); err != nil {
		told.Close()
		return nil, nil, fmt.Errorf("start %s: %w", k.name, err)
	}
	g := &guest{
		world: r.world, id: id, room: r.world.ledger.RoomOf(id), kind: k, orders: orders,
		outbox: outbox{wake: make(chan struct{}, 1)},
	}
	return &guestProcess{guest: g, cmd: cmd, front: f, end: orders.Close}, told, nil
}
