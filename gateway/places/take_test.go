// SPDX-License-Identifier: Apache-2.0

package places

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// together is a log that answers when several records are being written.
type together struct {
	behind
	all *sync.WaitGroup
}

func (l together) Write(context.Context, string, []byte, uint64) (uint64, error) {
	l.all.Done()
	l.all.Wait()
	return 7, nil
}

func TestThePlacesOfSeveralRoomsAreTakenTogether(t *testing.T) {
	const rooms = 8
	l := together{behind{t}, &sync.WaitGroup{}}
	l.all.Add(rooms)
	wishes := make([]Wish, rooms, rooms+1)
	for i := range wishes {
		wishes[i] = Wish{fmt.Sprint("room-", i), 1}
	}
	wishes = append(wishes, Wish{"without a capacity", 0})
	for i, err := range New(l).Take("ada", wishes...) {
		if err != nil {
			t.Errorf("%s: %v", wishes[i].Room, err)
		}
	}
}

// ended is the log of a gateway that ends, or cannot be reached.
type ended struct{ together }

func (ended) Life() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (l ended) Write(ctx context.Context, room string, _ []byte, _ uint64) (uint64, error) {
	l.all.Wait()
	return 7, nil
}

func TestAPlaceThatComesTooLateIsGivenBack(t *testing.T) {
	l := ended{together{behind{t}, &sync.WaitGroup{}}}
	l.all.Add(1)
	k := New(l)
	if errs := k.Take("ada", Wish{"table", 1}, Wish{"chair", 1}); !errors.Is(errs[0], ErrUnavailable) || !errors.Is(errs[1], ErrUnavailable) {
		t.Errorf("%v", errs)
	}
	l.all.Done()
	for taken := 1; taken > 0; {
		k.mu.Lock()
		taken = 0
		for _, r := range k.rooms {
			taken += len(r.members) + len(r.waiting)
			if r.writing {
				taken++
			}
		}
		k.mu.Unlock()
	}
}
