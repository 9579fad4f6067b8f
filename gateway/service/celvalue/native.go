// SPDX-License-Identifier: Apache-2.0

package celvalue

import (
	"sync/atomic"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"

	"github.com/realtime-operator/realtime-operator/api/expression"
	"github.com/realtime-operator/realtime-operator/gateway/internal/jsonscan"
)

// native caches CEL's own form of a list or a map for the functions that need it, made by the first
// one: a loop may need it in each round.
type native struct {
	computes, compares atomic.Pointer[ref.Val]
}

// computed has doubles for numbers; see expression.Relayed.
func (n *native) computed(raw []byte, o Origin) ref.Val {
	return once(&n.computes, reader{raw, o, func(_ []byte, f float64) ref.Val { return types.Double(f) }})
}

// compared has ints and uints where doubles may not be exact.
func (n *native) compared(raw []byte, o Origin) ref.Val {
	return once(&n.compares, reader{raw, o, expression.Exact})
}

func once(p *atomic.Pointer[ref.Val], r reader) ref.Val {
	if v := p.Load(); v != nil {
		return *v
	}
	v, _ := r.value(0)
	p.Store(&v)
	return v
}

// The costs of making a value of JSON, and a member of a map; see expression.Budget.
const (
	valueWork  = 8
	memberWork = 20
)

// reader reads valid JSON in one pass, however deep it is nested.
type reader struct {
	data []byte
	Origin
	number func(raw []byte, f float64) ref.Val
}

// value reads the value that begins at i, and returns where it ends.
func (r reader) value(i int) (ref.Val, int) {
	switch r.data[i] {
	case '[':
		return r.list(i)
	case '{':
		return r.object(i)
	}
	end := jsonscan.ValueEnd(r.data, i)
	r.Budget.Charge(valueWork)
	if r.data[i] == '"' {
		r.Budget.ChargeCopy(end - i)
	} else {
		r.Budget.ChargeBytes(end - i)
	}
	v := FromJSON(r.data[i:end], Origin{})
	if s, ok := v.(*rawScalar); ok {
		v = s.Val
		if f, ok := v.(types.Double); ok {
			v = r.number(s.raw, float64(f))
		}
	}
	return v, end
}

func (r reader) list(i int) (ref.Val, int) {
	r.Budget.Charge(memberWork)
	var values []ref.Val
	for i = jsonscan.First(r.data, i); r.data[i] != ']'; i = jsonscan.Next(r.data, i) {
		var v ref.Val
		v, i = r.value(i)
		values = append(values, v)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, values), i + 1
}

func (r reader) object(i int) (ref.Val, int) {
	r.Budget.Charge(memberWork)
	values := map[ref.Val]ref.Val{}
	for i = jsonscan.First(r.data, i); r.data[i] != '}'; i = jsonscan.Next(r.data, i) {
		end := jsonscan.StringEnd(r.data, i)
		r.Budget.Charge(memberWork)
		r.Budget.ChargeBytes(end - i)
		name := types.String(Unquote(r.data[i:end]))
		values[name], i = r.value(jsonscan.MemberValue(r.data, end))
	}
	if bytes, ok := r.attachment(values); ok {
		return bytes, i + 1
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, values), i + 1
}

// attachment returns the attachment that an object with these members stands for, if it is a
// placeholder.
func (r reader) attachment(members map[ref.Val]ref.Val) (types.Bytes, bool) {
	if len(r.Attachments) == 0 || members[types.String("_placeholder")] != types.True {
		return nil, false
	}
	num, ok := members[types.String("num")].(types.Double)
	if i := int(num); ok && types.Double(i) == num && i >= 0 && i < len(r.Attachments) {
		return r.Attachments[i], true
	}
	return nil, false
}
