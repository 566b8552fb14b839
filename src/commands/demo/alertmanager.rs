//! A real Alertmanager beside the demo, so that its alerts can be seen where an operator would see them.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use patchlens_alert::sink::{Secrets, SinkConfig};
use tokio::net::{TcpListener, TcpStream};

use crate::config::Config;

/// Debian's name of the program, and the project's own.
const PROGRAMS: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];
const USUAL_PORT: u16 = 9093;
const START_WAIT: Duration = Duration::from_secs(10);
/// The demo tells nobody; it groups as `compose/alertmanager/alertmanager.yml` does.
const SETTINGS: &str = "route:\n  receiver: demo\n  group_by: [alertname, error_code, ring]\nreceivers:\n  - name: demo\n";

/// A running Alertmanager; it ends when this is dropped.
pub(super) struct Alertmanager {
    child: Child,
    url: String,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

impl Alertmanager {
    /// Starts Alertmanager on this machine's own address, its data in `directory`. `None` when none is installed.
    ///
    /// # Errors
    /// When it is installed and does not start.
    pub(super) async fn start(directory: &Path) -> anyhow::Result<Option<Self>> {
        let settings = directory.join("alertmanager.yml");
        std::fs::write(&settings, SETTINGS)
            .with_context(|| format!("writing {}", settings.display()))?;
        let address = free_address().await?;
        for program in PROGRAMS {
            let started = Command::new(program)
                .arg(format!("--config.file={}", settings.display()))
                .arg(format!(
                    "--storage.path={}",
                    directory.join("alertmanager").display()
                ))
                .arg(format!("--web.listen-address={address}"))
                .arg("--cluster.listen-address=")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let child = match started {
                Ok(child) => child,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error).with_context(|| format!("starting {program}")),
            };
            let mut this = Self {
                child,
                url: format!("http://{address}"),
            };
            tokio::time::timeout(START_WAIT, this.listening(address))
                .await
                .with_context(|| format!("{program} does not listen at {address}"))??;
            return Ok(Some(this));
        }
        Ok(None)
    }

    async fn listening(&mut self, address: SocketAddr) -> anyhow::Result<()> {
        while TcpStream::connect(address).await.is_err() {
            if let Some(status) = self.child.try_wait().context("asking for its end")? {
                bail!("Alertmanager ended while it started: {status}");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Has the alerts sent there, and says how to look at them.
    pub(super) fn told_by(&self, config: &mut Config) -> anyhow::Result<String> {
        let sink: SinkConfig = toml::from_str(&format!(
            "name = \"alertmanager\"\nkind = \"alertmanager\"\nurl = \"{}\"\n",
            self.url
        ))
        .context("the settings of the demo's Alertmanager")?;
        config.alert.sinks.push(sink);
        if config.alert.public_url.is_empty() {
            config.alert.public_url = format!("http://{}", config.dashboards.http);
        }
        config.alert.secrets.push(Secrets::default());
        let url = &self.url;
        Ok(format!(
            "Alertmanager {url}   try: amtool --alertmanager.url={url} alert query\n"
        ))
    }
}

/// The usual address, or when somebody listens there any other of this machine's own.
async fn free_address() -> anyhow::Result<SocketAddr> {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT));
    let listener = match TcpListener::bind(usual).await {
        Ok(listener) => listener,
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("looking for a free port for Alertmanager")?,
    };
    listener.local_addr().context("asking for a free port")
}
