"""Layer: consumers. The adapter for Apache Kafka. Nothing else imports its client library."""
