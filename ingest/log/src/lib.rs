//! The event log, to write and to read: Kafka or a local durable log. The only place that knows rdkafka.
