//! The broker's process.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::Error;
use crate::files::{LOGGING, SETTINGS};

/// How long a broker may take to say that it has started. It takes two seconds on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(90);

/// How many lines of the broker's output are kept for the error message.
const OUTPUT_LINES_KEPT: usize = 40;

/// Any id will do, for no two test brokers meet.
const CLUSTER_ID: &str = "cGF0Y2hsZW5zLXRlc3Rlcg";

/// Formats the data directory, as a new broker needs it.
pub(crate) fn format(libs: &Path, directory: &Path) -> Result<(), Error> {
    let output = java(libs)
        .args([
            "kafka.tools.StorageTool",
            "format",
            "-t",
            CLUSTER_ID,
            "-c",
            SETTINGS,
        ])
        .current_dir(directory)
        .stdin(Stdio::null())
        .output()
        .map_err(Error::Java)?;
    if output.status.success() {
        Ok(())
    } else {
        Err(Error::Start(format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )))
    }
}

/// A running broker; killed on drop.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    watcher: Option<JoinHandle<()>>,
}

/// What the watcher reports.
enum Report {
    Spawned(Child),
    NotSpawned(std::io::Error),
    Started,
    Ended(String),
}

impl Process {
    /// Starts the broker and returns once it answers on `port`.
    pub(crate) fn start(libs: &Path, directory: &Path, port: u16) -> Result<Self, Error> {
        let (reports, inbox) = channel();
        let mut command = guarded_java(libs);
        command
            .args(["kafka.Kafka", SETTINGS])
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        // The thread that starts the child also outlives it: the kernel's parent-death signal is
        // bound to the thread, not to the process.
        let watcher = std::thread::Builder::new()
            .name("test-broker".to_owned())
            .spawn(move || watch(command, &reports))?;
        let child = match inbox.recv() {
            Ok(Report::Spawned(child)) => child,
            Ok(Report::NotSpawned(error)) => return Err(Error::Java(error)),
            _ => return Err(Error::Start("its watcher ended".to_owned())),
        };
        let process = Self {
            child,
            watcher: Some(watcher),
        };
        match inbox.recv_timeout(START_LIMIT) {
            Ok(Report::Started) => {}
            Ok(Report::Ended(output)) => return Err(Error::Start(output)),
            _ => return Err(Error::Start(format!("no sign of it for {START_LIMIT:?}"))),
        }
        answers(port)?;
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has already ended.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
        if let Some(watcher) = self.watcher.take() {
            let _panicked = watcher.join();
        }
    }
}

/// Starts the broker and reads what it says until it ends.
fn watch(mut command: Command, reports: &Sender<Report>) {
    // Nobody listens any more once the broker is up; the output is read on so that its pipe never fills.
    let tell = |report| drop(reports.send(report));
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return tell(Report::NotSpawned(error)),
    };
    let stdout = child.stdout.take();
    tell(Report::Spawned(child));
    let mut kept = VecDeque::with_capacity(OUTPUT_LINES_KEPT);
    for line in stdout
        .into_iter()
        .flat_map(|stdout| BufReader::new(stdout).lines())
        .map_while(Result::ok)
    {
        if line.ends_with("Kafka Server started") {
            tell(Report::Started);
        }
        if kept.len() == OUTPUT_LINES_KEPT {
            kept.pop_front();
        }
        kept.push_back(line);
    }
    tell(Report::Ended(kept.make_contiguous().join("\n")));
}

/// Asks the broker which API versions it speaks and waits for the answer: an open port alone does
/// not tell that anything is behind it.
fn answers(port: u16) -> Result<(), Error> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(START_LIMIT))?;
    // Length 10; ApiVersions (18) version 0; correlation id 1; no client id.
    stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff])?;
    let mut head = [0; 10];
    stream.read_exact(&mut head)?;
    match head {
        [_, _, _, _, 0, 0, 0, 1, 0, 0] => Ok(()),
        _ => Err(Error::Start(format!(
            "port {port} answered with {head:02x?}"
        ))),
    }
}

/// `java` that the kernel kills when this process dies, where the tool for that exists.
fn guarded_java(libs: &Path) -> Command {
    let setpriv = Path::new("/usr/bin/setpriv");
    if !setpriv.exists() {
        return java(libs);
    }
    let plain = java(libs);
    let mut command = Command::new(setpriv);
    command
        .args(["--pdeathsig", "KILL"])
        .arg(plain.get_program())
        .args(plain.get_args());
    command
}

/// `java` with the heap and the compiler of a small, short-lived process.
fn java(libs: &Path) -> Command {
    let mut command = Command::new("java");
    command
        .args([
            "-Xms64m",
            "-Xmx384m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-Djava.awt.headless=true",
        ])
        .arg(format!("-Dlog4j2.configurationFile={LOGGING}"))
        .arg("-cp")
        .arg(libs.join("*"));
    command
}
