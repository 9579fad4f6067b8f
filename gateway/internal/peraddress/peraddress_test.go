// SPDX-License-Identifier: Apache-2.0

package peraddress

import "testing"

func TestWhichAddressesAreOne(t *testing.T) {
	for name, test := range map[string]struct {
		a, b string
		one  bool
	}{
		"ports":                       {"192.0.2.1:1", "192.0.2.1:2", true},
		"IPv4":                        {"192.0.2.1:1", "192.0.2.2:1", false},
		"IPv4 as IPv6":                {"192.0.2.1:1", "[::ffff:192.0.2.1]:2", true},
		"IPv4 as IPv6, two":           {"[::ffff:192.0.2.2]:1", "[::ffff:192.0.2.1]:1", false},
		"a network of IPv6":           {"[2001:db8:1:2::1]:1", "[2001:db8:1:2:ffff:ffff:ffff:ffff]:2", true},
		"two networks of IPv6":        {"[2001:db8:1:2::1]:1", "[2001:db8:1:3::1]:1", false},
		"a zone":                      {"[fe80::1%eth0]:1", "[fe80::1]:1", true},
		"without a port":              {"2001:db8::1", "[2001:db8::2]:1", true},
		"the loopback and no address": {"[::1]:1", "@", false},
	} {
		if one := KeyOf(test.a) == KeyOf(test.b); one != test.one {
			t.Errorf("%s: %s and %s are one: %t", name, test.a, test.b, one)
		}
	}
}

func TestCounts(t *testing.T) {
	var c Counts
	a, b := KeyOf("192.0.2.1"), KeyOf("192.0.2.2")
	want := func(all, unadmitted int32, total int) {
		t.Helper()
		if got := c.Of(a); got != (Count{all, unadmitted}) || c.Unadmitted() != total {
			t.Errorf("%+v, and %d of all", got, c.Unadmitted())
		}
	}
	want(0, 0, 0)
	c.Add(a)
	c.Add(a)
	c.Add(b)
	want(2, 2, 3)
	c.Admit(a, true)
	want(2, 1, 2)
	c.Admit(a, false)
	want(2, 2, 3)
	c.Admit(a, true)
	c.Remove(a, true)
	want(1, 1, 2)
	c.Remove(a, false)
	want(0, 0, 1)
	c.Remove(b, false)
	if len(c.of) != 0 {
		t.Errorf("%d addresses are kept", len(c.of))
	}
	c.Add(Key{})
	if c.Of(Key{}) != (Count{}) || c.Unadmitted() != 1 {
		t.Errorf("clients without an address are one: %+v", c.Of(Key{}))
	}
}
