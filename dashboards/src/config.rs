//! The settings of the web application.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of [`crate::serve`] and [`crate::router`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DashboardConfig {
    /// Where to listen. On loopback only this machine can open the pages.
    pub addr: SocketAddr,
    /// Further host names that the pages are opened by, without port. Loopback names and the address itself are
    /// always known; a server that listens on all addresses accepts every IP address, and only these names.
    pub hosts: Vec<String>,
    /// How long one page may wait for the store before it says so, in milliseconds.
    pub store_timeout_ms: u64,
    /// How often the store is asked whether something arrived, in milliseconds. The question costs the embedded engine
    /// about ten.
    pub live_interval_ms: u64,
    /// The most rows that the SQL page and an export return.
    pub max_rows: u64,
}

impl Default for DashboardConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8090),
            hosts: Vec::new(),
            store_timeout_ms: 10_000,
            live_interval_ms: 500,
            max_rows: 10_000,
        }
    }
}

impl DashboardConfig {
    /// [`DashboardConfig::store_timeout_ms`] as a duration.
    pub fn store_timeout(&self) -> Duration {
        Duration::from_millis(self.store_timeout_ms)
    }

    /// [`DashboardConfig::live_interval_ms`] as a duration, at least 100 ms.
    pub fn live_interval(&self) -> Duration {
        Duration::from_millis(self.live_interval_ms.max(100))
    }

    /// Whether a `Host` header names this server.
    pub(crate) fn knows_host(&self, host: &str) -> bool {
        let name = match host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => host.split(':').next().unwrap_or_default(),
        };
        if name.eq_ignore_ascii_case("localhost")
            || self
                .hosts
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        {
            return true;
        }
        let listening = self.addr.ip();
        name.parse::<IpAddr>()
            .is_ok_and(|ip| ip.is_loopback() || ip == listening || listening.is_unspecified())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_hosts_are_served() {
        let local = DashboardConfig::default();
        for known in [
            "127.0.0.1:8090",
            "localhost:8090",
            "[::1]:8090",
            "LOCALHOST",
        ] {
            assert!(local.knows_host(known), "{known}");
        }
        for unknown in [
            "evil.example",
            "127.0.0.1.evil.example:8090",
            "",
            "10.0.0.5",
        ] {
            assert!(!local.knows_host(unknown), "{unknown}");
        }
        let open = DashboardConfig {
            addr: "0.0.0.0:80".parse().unwrap(),
            hosts: vec!["patchlens.corp".to_owned()],
            ..DashboardConfig::default()
        };
        assert!(
            open.knows_host("10.0.0.5:80")
                && open.knows_host("patchlens.corp")
                && !open.knows_host("evil.example")
        );
    }
}
