//! The files that a broker needs: its jars and its settings.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::{BrokerOptions, Error};

/// Name of the settings file inside the broker's directory.
pub(crate) const SETTINGS: &str = "server.properties";

/// The logging configuration, which lives beside the jars' pom.xml.
pub(crate) const LOGGING: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../kafka/log4j2.properties");

/// Finds the directory with the jars.
pub(crate) fn libs() -> Result<PathBuf, Error> {
    let path = std::env::var_os("PATCHLENS_KAFKA_LIBS").map_or_else(
        || {
            PathBuf::from(std::env::var_os("HOME").unwrap_or_default())
                .join(".cache/patchlens/kafka/libs")
        },
        PathBuf::from,
    );
    let has_broker = std::fs::read_dir(&path).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with("kafka_2.13-")
        })
    });
    if has_broker {
        Ok(path)
    } else {
        Err(Error::Jars(path))
    }
}

/// Writes `server.properties`: one node that is broker and controller, on 127.0.0.1 only.
pub(crate) fn write_settings(
    directory: &Path,
    port: u16,
    controller_port: u16,
    options: &BrokerOptions,
) -> std::io::Result<()> {
    let data = directory.join("data");
    let mut text = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         log.dirs={data}\n\
         num.partitions={partitions}\n\
         num.network.threads=2\n\
         num.io.threads=2\n\
         background.threads=2\n\
         offsets.topic.num.partitions=1\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         share.coordinator.state.topic.num.partitions=1\n\
         share.coordinator.state.topic.replication.factor=1\n\
         share.coordinator.state.topic.min.isr=1\n\
         group.initial.rebalance.delay.ms=0\n\
         group.min.session.timeout.ms=1000\n\
         broker.heartbeat.interval.ms=500\n\
         broker.session.timeout.ms=3000\n",
        data = data.display(),
        partitions = options.partitions,
    );
    for (key, value) in &options.settings {
        // A write to a String cannot fail.
        let _unfailing = writeln!(text, "{key}={value}");
    }
    std::fs::write(directory.join(SETTINGS), text)
}
