// Acceptance suite: IBM sarama against any broker.
// Run: go build && BOOTSTRAP=127.0.0.1:9092 ./sarama-acceptance [name part]...
package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	workers    = 5
	checkLimit = 40 * time.Second
	suiteLimit = 110 * time.Second
)

// check is one named expectation on the broker.
type check struct {
	name string
	run  func(t *T)
}

func main() {
	var all []check
	for _, group := range [][]check{topicChecks(), dataChecks(), groupChecks(), adminChecks()} {
		all = append(all, group...)
	}
	chosen := filter(all, os.Args[1:])
	if failed := runAll(chosen); failed > 0 {
		os.Exit(1)
	}
}

func filter(all []check, parts []string) []check {
	if len(parts) == 0 {
		return all
	}
	var chosen []check
	for _, c := range all {
		for _, part := range parts {
			if strings.Contains(c.name, part) {
				chosen = append(chosen, c)
				break
			}
		}
	}
	return chosen
}

// runAll runs a few checks at a time and returns how many failed.
func runAll(checks []check) int64 {
	deadline := time.Now().Add(suiteLimit)
	queue := make(chan check, len(checks))
	for _, c := range checks {
		queue <- c
	}
	close(queue)
	var failed atomic.Int64
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for c := range queue {
				reason := outcome(c, min(checkLimit, time.Until(deadline)))
				if reason == "" {
					fmt.Printf("ok - %s\n", c.name)
					continue
				}
				failed.Add(1)
				fmt.Printf("not ok - %s: %s\n", c.name, strings.ReplaceAll(reason, "\n", " "))
			}
		})
	}
	group.Wait()
	fmt.Printf("1..%d\n", len(checks))
	return failed.Load()
}

// outcome is empty when the check passed; a check that does not end is left behind.
func outcome(c check, limit time.Duration) string {
	if limit <= 0 {
		return "not run: the suite took too long"
	}
	t := newT(limit)
	done := make(chan string, 1)
	go func() {
		defer t.close()
		defer func() {
			if problem := recover(); problem != nil {
				done <- fmt.Sprint(problem)
				return
			}
			done <- ""
		}()
		c.run(t)
	}()
	select {
	case reason := <-done:
		return reason
	case <-time.After(limit + time.Second):
		return fmt.Sprintf("no end after %s", limit)
	}
}
