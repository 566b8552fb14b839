//! A `standalone` as a process, and requests to it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::support::{Patchlens, text};

/// A `standalone` that serves pages.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    /// Of the embedded store's ClickHouse interface.
    store: String,
}

impl Server {
    pub(crate) fn start(patchlens: &Patchlens) -> Self {
        Self::start_with(patchlens, &[])
    }

    pub(crate) fn start_with(patchlens: &Patchlens, arguments: &[&str]) -> Self {
        let mut child = patchlens
            .command(&["standalone"])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address_after = |label: &str| {
            let said = lines.by_ref().map(Result::unwrap);
            let mut found = said.filter_map(|line| {
                let (_, rest) = line.strip_prefix(label)?.split_once("http://")?;
                Some(rest.split_whitespace().next()?.to_owned())
            });
            found.next().expect("standalone says where it listens")
        };
        let address = address_after("dashboards ");
        let store = address_after("ClickHouse ");
        Self {
            child,
            address,
            store,
        }
    }

    /// Sends a request to the pages; returns the status line with the headers, and the body.
    pub(crate) fn ask(&self, head: &str, body: &[u8]) -> (String, String) {
        send(&self.address, head, body)
    }

    /// The same, to the store.
    pub(crate) fn ask_store(&self, head: &str) -> (String, String) {
        send(&self.store, head, b"")
    }

    pub(crate) fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}"), b"").1
    }
}

fn send(address: &str, head: &str, body: &[u8]) -> (String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let (request, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let headers = if headers.is_empty() {
        String::new()
    } else {
        format!("{headers}\r\n")
    };
    let host = if headers.contains("Host: ") {
        String::new()
    } else {
        format!("Host: {address}\r\n")
    };
    write!(
        stream,
        "{request} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    )
    .unwrap();
    // A server that refuses early may close before it has read everything.
    let _sent = stream.write_all(body);
    let mut answer = Vec::new();
    let _read = stream.read_to_end(&mut answer);
    let answer = text(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        let _sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        let _ended = self.child.wait();
    }
}
