//! Which addresses a webhook may reach.
//!
//! A webhook's URL comes from settings, but what its name resolves to comes from DNS, which is not ours. So names
//! are resolved at every delivery, refused when any address is not public, and the connection goes to exactly the
//! addresses that were checked: there is no second look-up that could say something else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Hosts that may have addresses of any kind: as spelled in the URL, in lower case, without a final dot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    allowed: Arc<Vec<String>>,
}

impl Guard {
    pub(crate) fn new(allowed: &[String]) -> Self {
        Self {
            allowed: Arc::new(allowed.iter().map(|host| plain(host)).collect()),
        }
    }

    fn allows_any_address_of(&self, host: &str) -> bool {
        self.allowed.contains(&plain(host))
    }

    /// Says why a URL is refused before any name is resolved.
    pub(crate) fn problem(&self, url: &Url) -> Option<String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Some(format!(
                "its URL begins with {}:; expected http: or https:",
                url.scheme()
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Some(
                "its URL holds a user or password; secrets belong into secret_file".to_owned(),
            );
        }
        let Some(host) = url.host_str() else {
            return Some("its URL names no host".to_owned());
        };
        // An address in any spelling (0x7f.1, 2130706433) is a plain one by now: the URL parser has seen to it.
        let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        match address {
            Some(address) if !self.allows_any_address_of(host) && !is_public(address) => {
                Some(refusal(host, address))
            }
            _ => None,
        }
    }
}

/// `[::1]` and `::1` are the same, as are `Hooks.Example.` and `hooks.example`.
fn plain(host: &str) -> String {
    host.trim_matches(['[', ']'])
        .trim_end_matches('.')
        .to_ascii_lowercase()
}

fn refusal(host: &str, address: IpAddr) -> String {
    format!(
        "{host} is at {address}, which is not a public address; add {host:?} to the sink's allow_private if that is right"
    )
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let addresses: Vec<SocketAddr> =
                tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            if !guard.allows_any_address_of(&host)
                && let Some(address) = addresses
                    .iter()
                    .map(SocketAddr::ip)
                    .find(|address| !is_public(*address))
            {
                return Err(refusal(&host, address).into());
            }
            if addresses.is_empty() {
                return Err(format!("{host} has no address").into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// True for addresses of the public Internet.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113) // multicast, reserved, broadcast
    );
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
    };
    match address.segments() {
        // A v4 address in a v6 coat is judged as what it is: mapped, and behind a translator.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        // 6to4 leads to the v4 address in it.
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo, ORCHID and benchmarks; documentation.
        [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => false,
        // All that is given out is in 2000::/3: loopback, ULA, link-local and multicast are elsewhere.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "127.0.0.1",
            "127.8.8.8",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "2002:7f00:1::1",
            "2001::1",
            "2001:db8::1",
            "100::1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn a_url_with_an_inner_address_is_refused_in_every_spelling() {
        let guard = Guard::new(&[
            "hooks.corp.example".to_owned(),
            "10.1.2.3".to_owned(),
            "[::1]".to_owned(),
        ]);
        let problem = |url: &str| guard.problem(&url.parse().unwrap());
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1:80/",
            "http://127.1/",
            "http://[::ffff:127.0.0.1]/",
            "http://[fd00::1]/",
            "http://169.254.169.254/latest/meta-data",
            "ftp://example.com/",
            "file:///etc/passwd",
            "http://user:secret@example.com/",
            "http://10.1.2.4/",
        ] {
            assert!(problem(url).is_some(), "{url}");
        }
        for url in [
            "https://example.com/hook",
            "http://hooks.corp.example/x",
            "http://10.1.2.3:8080/",
            "http://[::1]:9/",
        ] {
            assert_eq!(problem(url), None, "{url}");
        }
        assert!(
            !problem("http://user:secret@example.com/")
                .unwrap()
                .contains("secret@")
        );
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_an_inner_address_is_refused_unless_it_is_named() {
        let resolve = async |guard: &Guard, host: &str| {
            guard
                .resolve(host.parse().unwrap())
                .await
                .map(Iterator::count)
                .map_err(|error| error.to_string())
        };
        let refused = resolve(&Guard::default(), "localhost").await.unwrap_err();
        assert!(
            refused.contains("not a public address") && refused.contains("allow_private"),
            "{refused}"
        );
        assert!(
            resolve(&Guard::new(&["LOCALHOST.".to_owned()]), "localhost")
                .await
                .unwrap()
                > 0
        );
    }
}
