use patchlens_ingest::*;
use std::time::*;
struct S(u64);
impl RecordSink for S {
    fn record(&mut self, r: Record<'_>) {
        self.0 += 1;
        std::hint::black_box(&r);
    }
    fn issue(&mut self, _: Issue<'_>) {}
}
fn main() {
    let p = std::env::args().nth(1).unwrap();
    let bytes = std::fs::read(&p).unwrap();
    let b = Instant::now();
    let mut m = Duration::MAX;
    while b.elapsed() < Duration::from_secs(3) {
        let s = Instant::now();
        let mut k = S(0);
        let mut q = evtx::EvtxParser::default();
        for c in bytes.chunks(262144) {
            q.feed(c, &mut k);
        }
        q.finish(&mut k);
        m = m.min(s.elapsed());
    }
    println!("{:.0} MB/s", bytes.len() as f64 / 1e6 / m.as_secs_f64());
}
