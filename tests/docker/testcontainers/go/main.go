// Starts the broker's image through the unmodified Kafka module of Testcontainers for Go, produces and consumes.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/kafka"
	"github.com/twmb/franz-go/pkg/kgo"
)

const records = 20

func main() {
	checks := []struct {
		name string
		run  func(context.Context) error
	}{
		{"go_kafka_module", func(ctx context.Context) error { return roundTrip(ctx) }},
		{"go_kafka_module_with_cluster_id", func(ctx context.Context) error {
			return roundTrip(ctx, kafka.WithClusterID("test-cluster"))
		}},
	}
	failed := false
	for _, check := range checks {
		ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
		if err := check.run(ctx); err != nil {
			failed = true
			fmt.Printf("not ok - %s: %q\n", check.name, err.Error())
		} else {
			fmt.Printf("ok - %s\n", check.name)
		}
		cancel()
	}
	fmt.Printf("1..%d\n", len(checks))
	if failed {
		os.Exit(1)
	}
}

func image() string {
	if name := os.Getenv("IMAGE"); name != "" {
		return name
	}
	return "barnabas/cp-kafka:8.0.0"
}

func roundTrip(ctx context.Context, options ...testcontainers.ContainerCustomizer) (err error) {
	container, err := kafka.Run(ctx, image(), options...)
	defer func() { err = errors.Join(err, testcontainers.TerminateContainer(container)) }()
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	brokers, err := container.Brokers(ctx)
	if err != nil {
		return fmt.Errorf("brokers: %w", err)
	}
	topic := "words"
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic), kgo.AllowAutoTopicCreation(),
		kgo.ConsumerGroup("readers"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	for i := range records {
		record := &kgo.Record{Topic: topic, Value: fmt.Appendf(nil, "word %d", i)}
		if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
			return fmt.Errorf("produce: %w", err)
		}
	}
	for read := 0; read < records; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("consume: %w", err)
		}
		for _, record := range fetches.Records() {
			if want := fmt.Sprintf("word %d", read); string(record.Value) != want {
				return fmt.Errorf("record %d is %q", read, record.Value)
			}
			read++
		}
	}
	return client.CommitUncommittedOffsets(ctx)
}
