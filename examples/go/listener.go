// Listener collects every result of a file in Go, through reconnects and restarts. When the file is over it prints them.
//
//	cd examples/go && go run . FILE_ID
//
// VERIGATE_URL (http://127.0.0.1:3000), VERIGATE_TOKEN (none).
//
// The rules are those of docs/socket.md, "Missing nothing". All that happens goes through one channel: what comes while the
// answer to subscribe is awaited is taken after it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/zishang520/socket.io/clients/engine/v3/transports"
	"github.com/zishang520/socket.io/clients/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

type Result struct {
	BatchID  string `json:"batchId"`
	Position int    `json:"position"`
	Status   string `json:"status"`
	Email    string `json:"email"`
}

type Stats struct {
	Status   string `json:"status"`
	Progress struct {
		Processed  int `json:"processed"`
		Percentage int `json:"percentage"`
	} `json:"progress"`
}

// Cursor is the last change that a listener has.
type Cursor struct {
	Epoch    string `json:"epoch"`
	Revision int    `json:"revision"`
}

type Emails struct {
	Cursor
	Previous  int      `json:"previous"`
	Emails    []Result `json:"emails"`
	Truncated []struct {
		BatchID string `json:"batchId"`
		Length  int    `json:"length"`
	} `json:"truncated"`
}

type Answer struct {
	Cursor
	OK        bool     `json:"ok"`
	Recovered bool     `json:"recovered"`
	Stats     Stats    `json:"stats"`
	Missed    []Emails `json:"missed"`
	Error     struct {
		Message   string `json:"message"`
		Retryable bool   `json:"retryable"`
	} `json:"error"`
}

type happening struct {
	name string
	body any
}

type place struct {
	batch    string
	position int
}

type Listener struct {
	fileID   string
	gateway  string
	token    string
	socket   *socket.Socket
	happened chan happening
	stats    Stats
	since    *Cursor
	results  map[place]Result
}

var errLater = errors.New("the gateway is away, or busy")

func (l *Listener) run() error {
	for l.stats.Status != "completed" && l.stats.Status != "failed" || len(l.results) != l.stats.Progress.Processed {
		next := <-l.happened
		switch next.name {
		case "connect":
			if err := l.subscribe(); err != nil {
				return err
			}
		case "file_stats":
			read(next.body, &l.stats)
		case "file_emails":
			var event Emails
			read(next.body, &event)
			if err := l.take(event); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%s %v", next.name, next.body)
		}
		fmt.Fprintf(os.Stderr, "%s %d%%\n", l.stats.Status, l.stats.Progress.Percentage)
	}
	return nil
}

func (l *Listener) take(event Emails) error {
	if l.since == nil || event.Epoch != l.since.Epoch || event.Previous > l.since.Revision {
		return l.subscribe()
	}
	if event.Revision > l.since.Revision {
		l.apply(event)
	}
	return nil
}

func (l *Listener) subscribe() error {
	for l.socket.Connected() { // else connect comes again
		answer, err := l.ask()
		if err == nil && !answer.OK && !answer.Error.Retryable {
			return errors.New(answer.Error.Message)
		}
		if err == nil && answer.OK && l.catchUp(answer) == nil {
			return nil
		}
		time.Sleep(time.Second)
	}
	return nil
}

func (l *Listener) ask() (answer Answer, err error) {
	request := map[string]any{"fileId": l.fileID}
	if l.since != nil {
		request["since"] = l.since
	}
	answered := make(chan Answer, 1)
	l.socket.EmitWithAck("subscribe", request)(func(args []any, err error) {
		if err == nil && len(args) == 1 {
			var answer Answer
			read(args[0], &answer)
			answered <- answer
		}
	})
	select {
	case answer = <-answered:
		return answer, nil
	case <-time.After(10 * time.Second):
		return answer, errLater
	}
}

func (l *Listener) catchUp(answer Answer) error {
	if answer.Recovered {
		for _, event := range answer.Missed {
			l.apply(event)
		}
	} else {
		l.since, l.results = nil, map[place]Result{}
		if err := l.readPages(); err != nil {
			return err
		}
	}
	l.since, l.stats = &answer.Cursor, answer.Stats
	return nil
}

func (l *Listener) apply(event Emails) {
	for _, batch := range event.Truncated {
		for at := range l.results {
			if at.batch == batch.BatchID && at.position >= batch.Length {
				delete(l.results, at)
			}
		}
	}
	l.add(event.Emails)
	l.since = &event.Cursor
}

func (l *Listener) add(results []Result) {
	for _, result := range results {
		l.results[place{result.BatchID, result.Position}] = result
	}
}

func (l *Listener) readPages() error {
	for page, pages := 1, 1; page <= pages; page++ {
		request, err := http.NewRequest("GET", fmt.Sprintf("%s/api/files/%s/emails?limit=500&page=%d",
			l.gateway, url.PathEscape(l.fileID), page), nil)
		if err != nil {
			return err
		}
		if l.token != "" {
			request.Header.Set("Authorization", "Bearer "+l.token)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		var body struct {
			Emails     []Result `json:"emails"`
			Pagination struct {
				Pages int `json:"pages"`
			} `json:"pagination"`
		}
		err = json.NewDecoder(response.Body).Decode(&body)
		response.Body.Close()
		if response.StatusCode == http.StatusNotFound { // nothing is known of the file yet
			return nil
		}
		if err != nil || response.StatusCode != http.StatusOK {
			return errLater
		}
		l.add(body.Emails)
		pages = body.Pagination.Pages
	}
	return nil
}

// read turns what the client has parsed into one of our types.
func read(value any, into any) {
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "Usage: go run . FILE_ID")
		os.Exit(64)
	}
	gateway := os.Getenv("VERIGATE_URL")
	if gateway == "" {
		gateway = "http://127.0.0.1:3000"
	}
	listener := &Listener{
		fileID: os.Args[1], gateway: gateway, token: os.Getenv("VERIGATE_TOKEN"),
		happened: make(chan happening, 4096), results: map[place]Result{},
	}
	options := socket.DefaultOptions()
	options.SetTransports(types.NewSet(transports.WebSocket))
	if listener.token != "" {
		options.SetAuth(map[string]any{"token": listener.token})
	}
	options.SetAutoConnect(false)
	client, err := socket.Connect(gateway, options)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	listener.socket = client
	for _, name := range []string{"connect", "file_stats", "file_emails", "file_deleted", "unsubscribed"} {
		client.On(types.EventName(name), func(args ...any) {
			var body any
			if len(args) > 0 {
				body = args[0]
			}
			listener.happened <- happening{name, body}
		})
	}
	client.Connect()
	defer client.Disconnect()
	if err := listener.run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, result := range listener.results {
		line, _ := json.Marshal(result)
		fmt.Println(string(line))
	}
}
