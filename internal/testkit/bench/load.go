package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// The load generator is lean on purpose, since it shares the cores with what it
// loads: requests are bytes made beforehand, connections are kept alive and have
// one request in flight, answers are read to their end and thrown away.

// conn is one HTTP/1.1 connection.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func dial(addr string) (*conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReaderSize(c, 64<<10)}, nil
}

// do sends a request and reads the answer; the body is appended to into where
// that is not nil.
func (c *conn) do(request []byte, into *bytes.Buffer) (status int, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("status line %q", line)
	}
	status, err = strconv.Atoi(string(line[9:12]))
	if err != nil {
		return 0, err
	}
	length, chunked := 0, false
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			break
		}
		if value, ok := header(line, "content-length:"); ok {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		} else if value, ok := header(line, "transfer-encoding:"); ok {
			chunked = string(value) == "chunked"
		}
	}
	if !chunked {
		return status, c.body(length, into)
	}
	for {
		if line, err = c.r.ReadSlice('\n'); err != nil {
			return 0, err
		}
		n, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 31)
		if err != nil {
			return 0, err
		}
		if err := c.body(int(n), into); err != nil {
			return 0, err
		}
		if _, err := c.r.Discard(2); err != nil || n == 0 {
			return status, err
		}
	}
}

func (c *conn) body(n int, into *bytes.Buffer) error {
	if into == nil {
		_, err := c.r.Discard(n)
		return err
	}
	for ; n > 0; n-- {
		b, err := c.r.ReadByte()
		if err != nil {
			return err
		}
		into.WriteByte(b)
	}
	return nil
}

// header gives the value of a header line of the name, which is in small letters
// and ends in a colon.
func header(line []byte, name string) ([]byte, bool) {
	if len(line) < len(name) || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return nil, false
	}
	return bytes.TrimSpace(line[len(name):]), true
}

// load is what came of one measurement.
type load struct {
	Rate     float64 // answers with status 200 a second
	P50, P99 time.Duration
	Failed   int // other answers
}

func (l load) String() string {
	s := fmt.Sprintf("%s, p50 %s, p99 %s", perSecond(l.Rate), millis(l.P50), millis(l.P99))
	if l.Failed > 0 {
		s += fmt.Sprintf(", %d refused", l.Failed)
	}
	return s
}

// closedLoop sends requests over conns connections, each as soon as it has its
// answer, until limit were sent or the time is over; 0 is no limit.
func closedLoop(addr string, conns int, requests [][]byte, span time.Duration, limit int) (load, error) {
	var next atomic.Int64
	deadline := time.Now().Add(span)
	return drive(addr, conns, func(int) (time.Time, []byte, bool) {
		now, n := time.Now(), int(next.Add(1)-1)
		if limit > 0 && n >= limit || span > 0 && !now.Before(deadline) {
			return now, nil, false
		}
		return now, requests[n%len(requests)], true
	})
}

// openLoop sends rate requests a second, whether answers come or not, as far as
// conns connections allow. Latencies count from when a request was due. A server
// that has not caught up at twice the span is not waited for.
func openLoop(addr string, conns, rate int, requests [][]byte, span time.Duration) (load, error) {
	var next atomic.Int64
	began := time.Now()
	return drive(addr, conns, func(int) (time.Time, []byte, bool) {
		n := int(next.Add(1) - 1)
		at := time.Duration(n) * time.Second / time.Duration(rate)
		if at >= span || time.Since(began) >= 2*span {
			return began, nil, false
		}
		due := began.Add(at)
		time.Sleep(time.Until(due))
		return due, requests[n%len(requests)], true
	})
}

// drive asks each connection's next for the request to send and when it counts
// from, until it says no.
func drive(addr string, conns int, next func(conn int) (time.Time, []byte, bool)) (load, error) {
	opened := make([]*conn, conns)
	for i := range opened {
		c, err := dial(addr)
		if err != nil {
			return load{}, err
		}
		defer c.Close()
		opened[i] = c
	}
	took, failed, errs := make([][]time.Duration, conns), make([]int, conns), make([]error, conns)
	began := time.Now()
	var wg sync.WaitGroup
	for i, c := range opened {
		wg.Go(func() {
			for {
				due, request, more := next(i)
				if !more {
					return
				}
				status, err := c.do(request, nil)
				if err != nil {
					errs[i] = err
					return
				}
				if status != 200 {
					failed[i]++
					continue
				}
				took[i] = append(took[i], time.Since(due))
			}
		})
	}
	wg.Wait()
	span := time.Since(began)
	if err := errors.Join(errs...); err != nil {
		return load{}, err
	}
	all := slices.Concat(took...)
	l := load{Rate: float64(len(all)) / span.Seconds()}
	for _, n := range failed {
		l.Failed += n
	}
	l.P50, l.P99 = quantile(all, 50), quantile(all, 99)
	return l, nil
}

// quantile sorts the times and gives the one that percent of them do not pass.
func quantile(ds []time.Duration, percent int) time.Duration {
	if len(ds) == 0 {
		return 0
	}
	slices.Sort(ds)
	return ds[min(len(ds)*percent/100, len(ds)-1)]
}

// middle is the run with the median rate.
func middle(runs []load) load {
	slices.SortFunc(runs, func(a, b load) int { return int(a.Rate - b.Rate) })
	return runs[len(runs)/2]
}
