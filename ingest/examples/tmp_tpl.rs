//! dumps a hash of templates and codes of all text logs
use patchlens_ingest::*;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::*;
struct S {
    h: DefaultHasher,
    n: u64,
    t: String,
    dump: bool,
}
impl RecordSink for S {
    fn record(&mut self, r: Record<'_>) {
        self.n += 1;
        template::of(&r.message, &mut self.t);
        self.t.hash(&mut self.h);
        for c in codes::find(&r.message) {
            c.hash(&mut self.h);
        }
        if self.dump {
            println!("{}", self.t);
        }
    }
    fn issue(&mut self, _: Issue<'_>) {}
}
fn walk(p: &Path, out: &mut Vec<PathBuf>) {
    if p.is_dir() {
        let mut e: Vec<_> = std::fs::read_dir(p)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        e.sort();
        for x in e {
            walk(&x, out)
        }
    } else {
        out.push(p.into())
    }
}
fn main() {
    let mut v = vec![];
    for a in std::env::args().skip(1) {
        walk(Path::new(&a), &mut v);
    }
    let mut tot = 0;
    for p in v {
        let b = std::fs::read(&p).unwrap();
        let name = p.to_string_lossy().into_owned();
        let Ok(f) = std::panic::catch_unwind(|| detect(b.get(..HEAD_BYTES).unwrap_or(&b), &name))
        else {
            continue;
        };
        let Some(f) = f else { continue };
        let mut s = S {
            h: DefaultHasher::new(),
            n: 0,
            t: String::new(),
            dump: std::env::var_os("DUMP").is_some(),
        };
        let mut q = TextParser::new(f);
        q.feed(&b, &mut s);
        q.finish(&mut s);
        tot += s.n;
        println!("{name} {} {:x}", s.n, s.h.finish());
    }
    println!("{tot}");
}
