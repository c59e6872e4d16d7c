package main

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// wire is one connection that speaks frames, without any help of a client.
type wire struct {
	t      *T
	conn   net.Conn
	format *kmsg.RequestFormatter
	next   int32
}

// dial connects with a client id, or with a null one.
func (t *T) dial(clientID ...string) *wire {
	conn, err := net.DialTimeout("tcp", bootstrap, 5*time.Second)
	t.must(err)
	t.closers = append(t.closers, func() { conn.Close() })
	format := kmsg.NewRequestFormatter()
	if len(clientID) > 0 {
		format = kmsg.NewRequestFormatter(kmsg.FormatterClientID(clientID[0]))
	}
	return &wire{t: t, conn: conn, format: format, next: 100}
}

func (w *wire) write(bytes []byte) {
	_, err := w.conn.Write(bytes)
	w.t.must(err)
}

// frame is a whole request at one version.
func (w *wire) frame(request kmsg.Request, version int16) []byte {
	w.next++
	request.SetVersion(version)
	return w.format.AppendRequest(nil, request, w.next)
}

func (w *wire) readFrame(limit time.Duration) ([]byte, error) {
	if err := w.conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	size := make([]byte, 4)
	if _, err := io.ReadFull(w.conn, size); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(size))
	_, err := io.ReadFull(w.conn, body)
	return body, err
}

// receive reads the answer to a request sent as the given correlation id.
func (w *wire) receive(request kmsg.Request, correlation int32) kmsg.Response {
	body, err := w.readFrame(10 * time.Second)
	w.t.must(err)
	w.t.holds(len(body) >= 4, "an answer of %d bytes", len(body))
	w.t.equal(correlation, int32(binary.BigEndian.Uint32(body)), "correlation id")
	body = body[4:]
	answer := request.ResponseKind()
	answer.SetVersion(request.GetVersion())
	if answer.IsFlexible() && request.Key() != 18 {
		w.t.holds(len(body) > 0 && body[0] == 0, "an answer header without tagged fields")
		body = body[1:]
	}
	w.t.must(answer.ReadFrom(body))
	return answer
}

func (w *wire) ask(request kmsg.Request, version int16) kmsg.Response {
	w.write(w.frame(request, version))
	return w.receive(request, w.next)
}

// closed holds when the broker ends the connection instead of answering.
func (w *wire) closed() {
	_, err := w.readFrame(5 * time.Second)
	w.t.holds(err != nil, "expected the connection to end, got an answer")
	w.t.holds(!errors.Is(err, os.ErrDeadlineExceeded), "the connection stays open without an answer")
}

// alive holds when a new connection is served.
func (t *T) alive() {
	t.dial().ask(kmsg.NewPtrApiVersionsRequest(), 0)
}

// idempotentBatch encodes records of one producer, CRC and all.
func idempotentBatch(producer int64, epoch int16, sequence int32, values ...string) []byte {
	var records []byte
	for i, value := range values {
		record := kmsg.NewRecord()
		record.OffsetDelta, record.Key, record.Value = int32(i), []byte("k"), []byte(value)
		unsized := record.AppendTo(nil)
		record.Length = int32(len(unsized) - 1) // the zero length took one byte
		records = record.AppendTo(records)
	}
	batch := kmsg.NewRecordBatch()
	batch.PartitionLeaderEpoch, batch.Magic, batch.LastOffsetDelta = -1, 2, int32(len(values)-1)
	batch.FirstTimestamp, batch.MaxTimestamp = time.Now().UnixMilli(), time.Now().UnixMilli()
	batch.ProducerID, batch.ProducerEpoch, batch.FirstSequence = producer, epoch, sequence
	batch.NumRecords, batch.Records = int32(len(values)), records
	bytes := batch.AppendTo(nil)
	binary.BigEndian.PutUint32(bytes[8:], uint32(len(bytes)-12))
	binary.BigEndian.PutUint32(bytes[17:], crc32.Checksum(bytes[21:], crc32.MakeTable(crc32.Castagnoli)))
	return bytes
}
