// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func locations(t testing.TB, list ...string) []Location {
	t.Helper()
	l, err := ParseLocations(list)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLocationsThatAreRefused(t *testing.T) {
	for _, s := range []string{
		"", "auth", "auth.", ".token", "auth..token", "auth.a.", "header", "header.", "header.a b", "header.a:", "header.ä",
		"cookie.", "cookie.a;b", "query.", "query", "body.token", "Auth.token", "header.a\n",
	} {
		if l, err := ParseLocation(s); err == nil {
			t.Errorf("%q is accepted as %s", s, l)
		}
	}
}

func TestLocationsAreComparedByWhatTheyMean(t *testing.T) {
	l := locations(t, "header.AUTHORIZATION", "header.authorization", "cookie.a", "cookie.A")
	if l[0] != l[1] || l[2] == l[3] || l[0].String() != "header.Authorization" {
		t.Errorf("%v", l)
	}
	if l := locations(t); len(l) != 1 || l[0].String() != DefaultLocation {
		t.Errorf("by default %v", l)
	}
}

func TestAnExcerptHasTheTokensAlone(t *testing.T) {
	header := http.Header{
		"Authorization": {"Bearer t"}, "X-Token": {"x"}, "X-Other": {"y"}, "Cookie": {"a=b; session=s", "second=2"},
	}
	for name, c := range map[string]struct {
		locations []string
		want      http.Header
	}{
		"in auth alone":         {[]string{"auth.token", "query.token"}, nil},
		"nowhere":               {[]string{"header.x-none", "cookie.none"}, nil},
		"in headers":            {[]string{"header.authorization", "header.x-token"}, http.Header{"Authorization": {"Bearer t"}, "X-Token": {"x"}}},
		"in cookies":            {[]string{"cookie.session", "cookie.second", "cookie.session"}, http.Header{"Cookie": {"session=s", "second=2"}}},
		"of another scheme":     {[]string{"header.authorization"}, nil},
		"longer than any token": {[]string{"header.x-token"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			header := header.Clone()
			if name == "of another scheme" {
				header.Set("Authorization", "Basic YTpi")
			}
			if name == "longer than any token" {
				header.Set("X-Token", strings.Repeat("x", MaxToken+1))
			}
			l := locations(t, c.locations...)
			got := Excerpt(l, header)
			if !maps.EqualFunc(got, c.want, slices.Equal) {
				t.Errorf("%v, want %v", got, c.want)
			}
			for _, location := range l {
				before, _ := Find([]Location{location}, &Request{Header: header})
				after, _ := Find([]Location{location}, &Request{Header: got})
				if got != nil && before != after {
					t.Errorf("at %s, %q was found, and is %q now", location, before, after)
				}
			}
		})
	}
}

func TestFind(t *testing.T) {
	request := func(header http.Header, target, auth string) *Request {
		r := httptest.NewRequest(http.MethodGet, "http://example.com"+target, nil)
		r.Header = header
		return FromHTTP(r, json.RawMessage(auth))
	}
	all := []string{"auth.token", "header.authorization", "header.x-token", "cookie.session", "query.token"}
	long := strings.Repeat("x", MaxToken)
	for name, c := range map[string]struct {
		locations []string
		request   *Request
		want      string
		code      Code
	}{
		"in auth, by default":             {nil, request(nil, "/", `{"token":"t"}`), "t", ""},
		"in an object of auth":            {[]string{"auth.user.token"}, request(nil, "/", ` { "user" : { "token" : "t" } } `), "t", ""},
		"with escapes":                    {nil, request(nil, "/", `{"tok\u0065n":"a\/\u0062"}`), "a/b", ""},
		"the last of two":                 {nil, request(nil, "/", `{"token":"a","token":"b"}`), "b", ""},
		"Bearer":                          {all, request(http.Header{"Authorization": {"Bearer t"}}, "/", `{}`), "t", ""},
		"bearer":                          {all, request(http.Header{"Authorization": {" bearer  t "}}, "/", `{}`), "t", ""},
		"another header":                  {all, request(http.Header{"X-Token": {" t "}}, "/", `{}`), "t", ""},
		"Bearer in another header":        {all, request(http.Header{"X-Token": {"Bearer t"}}, "/", `{}`), "Bearer t", ""},
		"cookie":                          {all, request(http.Header{"Cookie": {"a=b; session=t; c=d"}}, "/", `{}`), "t", ""},
		"the first of two cookies":        {all, request(http.Header{"Cookie": {"session=s; session=t"}}, "/", `{}`), "s", ""},
		"query":                           {all, request(nil, "/?EIO=4&token=a%2Bb", `{}`), "a+b", ""},
		"the first location that has one": {all, request(http.Header{"X-Token": {"h"}}, "/?token=q", `{"token":""}`), "h", ""},
		"as long as may be":               {nil, request(nil, "/", `{"token":"`+long+`"}`), long, ""},

		"query, which nobody asked for":    {nil, request(nil, "/?token=t", ``), "", TokenMissing},
		"no auth":                          {nil, request(nil, "/", ``), "", TokenMissing},
		"an empty token":                   {nil, request(nil, "/", `{"token":""}`), "", TokenMissing},
		"null":                             {nil, request(nil, "/", `{"token":null}`), "", TokenMissing},
		"another name":                     {nil, request(nil, "/", `{"Token":"t"}`), "", TokenMissing},
		"no object":                        {nil, request(nil, "/", `["token","t"]`), "", TokenMissing},
		"no object further down":           {[]string{"auth.user.token"}, request(nil, "/", `{"user":"token"}`), "", TokenMissing},
		"no JSON":                          {nil, request(nil, "/", `{"token":"t"`), "", TokenMissing},
		"another scheme":                   {all, request(http.Header{"Authorization": {"Basic dXNlcg=="}}, "/", `{}`), "", TokenMissing},
		"the scheme alone":                 {all, request(http.Header{"Authorization": {"Bearer"}}, "/", `{}`), "", TokenMissing},
		"no scheme":                        {all, request(http.Header{"Authorization": {"t"}}, "/", `{}`), "", TokenMissing},
		"a number":                         {nil, request(nil, "/", `{"token":1}`), "", TokenInvalid},
		"an object":                        {nil, request(nil, "/", `{"token":{"a":"b"}}`), "", TokenInvalid},
		"longer than may be":               {nil, request(nil, "/", `{"token":"`+long+`x"}`), "", TokenInvalid},
		"longer than may be, in the query": {all, request(nil, "/?token="+long+"x", `{}`), "", TokenInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := Find(locations(t, c.locations...), c.request)
			if token != c.want || codeOf(err) != c.code {
				t.Errorf("token %.40q, error %v; want %.40q and %q", token, err, c.want, c.code)
			}
		})
	}
}

func codeOf(err error) Code {
	if err == nil {
		return ""
	}
	return AsError(err).Code
}

func TestFromHTTP(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "http://example.com/?a=b", nil)
	r.RemoteAddr = "[2001:db8::1]:1234"
	if got := FromHTTP(r, nil); got.Address != "2001:db8::1" || got.Query.Get("a") != "b" {
		t.Errorf("%+v", got)
	}
	r.RemoteAddr = "@"
	if got := FromHTTP(r, nil); got.Address != "@" {
		t.Errorf("%+v", got)
	}
}

// answers is an authenticator that says what it is told.
type answers struct {
	statement *Statement
	err       error
	asked     *int
}

func (a answers) Authenticate(context.Context, *Request) (*Statement, error) {
	if a.asked != nil {
		*a.asked++
	}
	return a.statement, a.err
}

func (a answers) Verify(ctx context.Context, _ string) (*Statement, error) {
	return a.Authenticate(ctx, nil)
}

func TestTheFirstThatRecognizesTheTokenDecides(t *testing.T) {
	missing := answers{err: Refuse(TokenMissing, "missing")}
	foreign := answers{err: NotRecognized("foreign")}
	foreignToo := answers{err: NotRecognized("foreign, too")}
	expired := answers{err: Refuse(TokenExpired, "expired")}
	down := answers{err: NotAvailable("down", nil)}
	unread := answers{err: &Error{Code: Unavailable, Reason: "unread", Unrecognized: true}}
	broken := answers{err: errors.New("broken")}
	anna := answers{statement: &Statement{User: "anna"}}
	for name, c := range map[string]struct {
		chain  Chain
		by     int
		user   string
		code   Code
		reason string
	}{
		"nobody":                          {nil, -1, "", TokenMissing, ""},
		"the first":                       {Chain{anna, expired}, 0, "anna", "", ""},
		"the second, after a foreign one": {Chain{foreign, anna}, 1, "anna", "", ""},
		"the second, after no token":      {Chain{missing, anna}, 1, "anna", "", ""},
		"a refusal":                       {Chain{foreign, expired, anna}, 1, "", TokenExpired, "expired"},
		"one that is down":                {Chain{foreign, down, anna}, 1, "", Unavailable, "down"},
		"one that fails":                  {Chain{broken, anna}, 0, "", Unavailable, ""},
		"no token at all":                 {Chain{missing, missing}, -1, "", TokenMissing, ""},
		"one behind one that cannot know": {Chain{unread, anna}, 1, "anna", "", ""},
		"nobody, and one cannot know":     {Chain{foreign, unread, foreignToo}, -1, "", Unavailable, "unread"},
		"a token that nobody recognizes":  {Chain{missing, foreign, foreignToo, missing}, -1, "", TokenInvalid, "foreign"},
	} {
		t.Run(name, func(t *testing.T) {
			by, s, err := c.chain.Authenticate(t.Context(), &Request{})
			if by != c.by || codeOf(err) != c.code || err == nil && s.User != c.user || c.reason != "" && AsError(err).Reason != c.reason {
				t.Errorf("%d decides: %+v, %v", by, s, err)
			}
		})
	}
}

func TestByTokenAsksOnlyAboutAToken(t *testing.T) {
	asked := 0
	a := ByToken(locations(t), answers{statement: &Statement{User: "anna"}, asked: &asked})
	if _, err := a.Authenticate(t.Context(), &Request{}); codeOf(err) != TokenMissing || asked != 0 {
		t.Errorf("error %v, asked %d times", err, asked)
	}
	if s, err := a.Authenticate(t.Context(), &Request{Auth: json.RawMessage(`{"token":"t"}`)}); err != nil || s.User != "anna" || asked != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("connection refused")
	err := error(NotAvailable("the webhook has not answered", cause))
	if err.Error() != "unavailable: the webhook has not answered: connection refused" || !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
	if e := AsError(cause); e.Code != Unavailable || !errors.Is(e, cause) {
		t.Errorf("%v", e)
	}
}

func FuzzFind(f *testing.F) {
	l := locations(f, "auth.token", "auth.user.token", "header.authorization", "cookie.session")
	f.Add(`{"token":"t"}`, "Bearer t", "session=t")
	f.Add(`{"user":{"token":{}}}`, "Bearer", "session")
	f.Add(` `, "", "=")
	f.Fuzz(func(t *testing.T, auth, authorization, cookie string) {
		r := &Request{Auth: json.RawMessage(auth), Header: http.Header{"Authorization": {authorization}, "Cookie": {cookie}}}
		token, err := Find(l, r)
		if (token == "") == (err == nil) || len(token) > MaxToken {
			t.Fatalf("token %q, error %v", token, err)
		}
	})
}

func TestWhatIsHidden(t *testing.T) {
	for name, row := range map[string]struct {
		locations  []string
		auth, want string
	}{
		"nothing":                      {nil, ``, ``},
		"no object":                    {nil, `["token"]`, `["token"]`},
		"no JSON":                      {nil, `{"token":`, `{"token":`},
		"the token":                    {nil, `{"token":"t"}`, `{}`},
		"whatever it is":               {nil, ` {"token" : {"a":[1]} } `, `{}`},
		"among others":                 {nil, `{"a":"token", "token":"t" ,"b":[{"token":1}]}`, `{"a":"token","b":[{"token":1}]}`},
		"last":                         {nil, `{"a":1,"token":"t"}`, `{"a":1}`},
		"each of one name":             {nil, `{"token":"t","a":1,"token":"u"}`, `{"a":1}`},
		"with an escape":               {nil, `{"\u0074oken":"t","a":1}`, `{"a":1}`},
		"another case":                 {nil, `{"Token":"t"}`, `{"Token":"t"}`},
		"not there":                    {nil, `{"a": 1}`, `{"a": 1}`},
		"within objects":               {[]string{"auth.a.b"}, `{"a":{"b":"t","c":1},"b":2}`, `{"a":{"c":1},"b":2}`},
		"all that is within":           {[]string{"auth.a.b"}, `{"a":{"b":"t"}}`, `{"a":{}}`},
		"not within":                   {[]string{"auth.a.b"}, `{"a":[{"b":"t"}], "b":2}`, `{"a":[{"b":"t"}], "b":2}`},
		"at several locations":         {[]string{"auth.a", "header.b", "auth.b"}, `{"a":"t","b":"u","c":1}`, `{"c":1}`},
		"an object and a member of it": {[]string{"auth.a", "auth.a.b"}, `{"a":{"b":1},"c":1}`, `{"c":1}`},
	} {
		if got := string(Hide(locations(t, row.locations...), []byte(row.auth))); got != row.want {
			t.Errorf("%s: %s, want %s", name, got, row.want)
		}
	}
}
