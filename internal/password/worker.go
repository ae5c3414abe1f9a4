package password

import (
	"bufio"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/crypto/argon2"
)

// job is one hash to be run, as a worker gets it: a derivation of our own, or where
// Foreign is set the verification of a hash of another system.
type job struct {
	Password []byte

	Params Params
	Salt   []byte
	Size   uint32 // of the key

	Foreign string // a stored hash that parseForeign reads
}

// result is what comes of a job: a key, or whether the password is the one of the
// foreign hash.
type result struct {
	Key  []byte
	Same bool
}

// run runs the hash in this process, within the bounds or not at all.
func (j job) run() (result, error) {
	if j.Foreign != "" {
		f, err := parseForeign(j.Foreign)
		if err != nil {
			return result{}, err
		}
		return result{Same: f.matches(string(j.Password))}, nil
	}
	if err := j.Params.Validate(); err != nil {
		return result{}, err
	}
	return result{Key: argon2.IDKey(j.Password, j.Salt, j.Params.Iterations, j.Params.MemoryKiB, j.Params.Parallelism, j.Size)}, nil
}

// workerMemory is when a worker collects in the middle of a job, which only hashes
// of other systems leave enough behind for.
const workerMemory = 64 << 20

// Work is the body of a worker process: it does the jobs it reads on in, one
// after the other, until in ends, and answers on out. It keeps no password
// longer than it takes.
//
// It collects after each job and not before, so that the memory of one hash is
// that of the next: left to its own pace the collector lets three lie there. That
// costs no more, since so large a thing has it run at every hash anyway.
func Work(in io.Reader, out io.Writer) error {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(workerMemory))
	idle := time.AfterFunc(idleAfter, debug.FreeOSMemory)
	defer idle.Stop()
	jobs, answers := gob.NewDecoder(bufio.NewReader(in)), gob.NewEncoder(out)
	for {
		var j job
		if err := jobs.Decode(&j); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		idle.Stop()
		r, err := j.run()
		clear(j.Password)
		if err != nil {
			return err
		}
		if err := answers.Encode(r); err != nil {
			return err
		}
		runtime.GC()
		idle.Reset(idleAfter)
	}
}

// jobTimeout is how long a worker may take for one hash: far more than any within
// the bounds needs, even when decisions take all of the machine.
const jobTimeout = time.Minute

// process is a running worker.
type process struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	jobs    *gob.Encoder
	answers *gob.Decoder
}

// start starts a worker. Its priority is the lowest: it gets the processors when
// nobody else wants them, so that decisions do not wait for it.
func start(cmd *exec.Cmd) (*process, error) {
	cmd.Env = []string{"GOMAXPROCS=1"} // and nothing of ours, such as a database's password
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startLow(cmd); err != nil {
		return nil, fmt.Errorf("start a hash worker: %w", err)
	}
	return &process{cmd: cmd, stdin: stdin, jobs: gob.NewEncoder(stdin), answers: gob.NewDecoder(bufio.NewReader(stdout))}, nil
}

// startLow starts cmd with the lowest priority. On Linux a thread has its own,
// which processes started from it inherit; it cannot be raised again, so the
// thread ends with the goroutine that is locked to it.
func startLow(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		lowerThread() // on failure it runs as high as we do, and logins slow decisions
		started <- cmd.Start()
	}()
	return <-started
}

// do has the worker do one job within a time. After an error the worker is gone.
func (p *process) do(j job, within time.Duration) (r result, err error) {
	late := time.AfterFunc(within, func() { p.cmd.Process.Kill() })
	defer late.Stop()
	if err = p.jobs.Encode(j); err == nil {
		err = p.answers.Decode(&r)
	}
	if err == nil && len(r.Key) != int(j.Size) {
		err = errors.New("an answer of another length")
	}
	if err != nil {
		p.end()
		return result{}, fmt.Errorf("hash worker: %w", err)
	}
	return r, nil
}

// end ends the worker, which holds nothing worth waiting for.
func (p *process) end() {
	p.stdin.Close()
	p.cmd.Process.Kill()
	p.cmd.Wait() // its fate is told by the error that brought us here
}

// UseProcesses has hashes run by processes of their own, as many as there are
// workers: command makes a program that calls Work on its standard input and
// output. They are started when first needed, again when they die, and end with
// ctx. Without, and before, hashes are run in this process.
func (h *Hasher) UseProcesses(ctx context.Context, command func() *exec.Cmd) {
	idle := make(chan *process, cap(h.slots)) // those that are not at work
	h.work = func(j job) (result, error) {
		var p *process
		select {
		case p = <-idle:
			if r, err := p.do(j, h.within); err == nil {
				idle <- p
				return r, nil
			}
		default:
		}
		p, err := start(command()) // also after one that had died while idle
		if err != nil {
			return result{}, err
		}
		r, err := p.do(j, h.within)
		if err != nil {
			return result{}, err
		}
		idle <- p
		return r, nil
	}
	context.AfterFunc(ctx, func() {
		for range cap(h.slots) {
			select {
			case p := <-idle:
				p.end()
			default: // it ends when our end of its pipe closes
			}
		}
	})
}
