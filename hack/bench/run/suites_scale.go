// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// scaleSuites are at a fixed rate: what a delivery costs then is not the least that it can, as it
// is in a closed loop, where messages gather. Rooms of several sizes tell the price of an event
// from that of a delivery, a second gateway that of the way between them. A connection is pinged
// after 25 s, so that all are once while the idle ones are watched. The last suite is a closed
// loop, for what NATS takes when it is busy.
func scaleSuites() (all []suite) {
	for _, clients := range []int{1_000, 5_000, 10_000} {
		all = append(all,
			scale(fmt.Sprintf("scale-rooms-10-%d", clients), 1, fmt.Sprintf("-suite fixed-rooms -clients %d -rooms %d -w 2", clients, clients/10)),
			scale(fmt.Sprintf("scale-rooms-100-%d", clients), 1, fmt.Sprintf("-suite fixed-rooms -clients %d -rooms %d -w 2", clients, clients/100)),
			scale(fmt.Sprintf("scale-all-%d", clients), 1, fmt.Sprintf("-suite fixed -clients %d -rate 30000", clients)),
			scale(fmt.Sprintf("scale-idle-%d", clients), 1, fmt.Sprintf("-suite idle -clients %d -settle 28s", clients)),
			scale(fmt.Sprintf("scale-two-10-%d", clients), 2, fmt.Sprintf("-suite fixed-rooms -clients %d -rooms %d -w 2", clients, clients/10)),
			scale(fmt.Sprintf("scale-two-100-%d", clients), 2, fmt.Sprintf("-suite fixed-rooms -clients %d -rooms %d -w 2", clients, clients/100)),
		)
	}
	return append(all, scale("scale-two-busy", 2, "-suite rooms -clients 1000 -rooms 100 -w 4"))
}

func scale(name string, servers int, load string) suite {
	return suite{
		name: name, group: scaling, servers: servers, load: load + " -warmup 2s", once: true, peers: []string{oursGateway, oursTwo},
		figures: []figure{cpu, resident}, goals: []string{"", ""},
	}
}
