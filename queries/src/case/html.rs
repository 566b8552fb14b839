//! One self-contained HTML file: no script, no link, nothing that is loaded.

use super::document::{Block, Document};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}\
h1{font-size:1.5rem}h1,h2,h3,p,li,dd{overflow-wrap:anywhere}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #d0d7de}\
table{border-collapse:collapse;display:block;overflow-x:auto}th,td{border:1px solid #d0d7de;padding:.25rem .5rem;text-align:left;vertical-align:top}\
th{background:#f3f5f7}pre{background:#f3f5f7;padding:.6rem;overflow-x:auto;white-space:pre-wrap;overflow-wrap:anywhere}\
.place{color:#57606a;margin-bottom:.2rem}dt{font-weight:600}dd{margin:0 0 .4rem 0}@media print{body{margin:0;max-width:none}table{display:table;width:100%;font-size:.75rem}td{overflow-wrap:anywhere}}";

/// Writes the document as HTML; every text is escaped.
pub fn html(document: &Document) -> String {
    let title = escape(&document.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n",
        escape(&document.language)
    );
    for section in &document.sections {
        out.push_str(&format!("<h2>{}</h2>\n", escape(&section.heading)));
        for block in &section.blocks {
            write(block, &mut out);
        }
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn write(block: &Block, out: &mut String) {
    match block {
        Block::Text { text } => out.push_str(&format!("<p>{}</p>\n", escape(text))),
        Block::Steps { steps } => {
            out.push_str("<ol>\n");
            for step in steps {
                out.push_str(&format!("<li>{}</li>\n", escape(step)));
            }
            out.push_str("</ol>\n");
        }
        Block::Facts { facts } => {
            out.push_str("<dl>\n");
            for (name, value) in facts {
                out.push_str(&format!(
                    "<dt>{}</dt><dd>{}</dd>\n",
                    escape(name),
                    escape(value)
                ));
            }
            out.push_str("</dl>\n");
        }
        Block::Table { header, rows } => {
            out.push_str("<table>\n");
            row("th", header, out);
            for cells in rows {
                row("td", cells, out);
            }
            out.push_str("</table>\n");
        }
        Block::Quote { place, text } => out.push_str(&format!(
            "<p class=\"place\">{}</p>\n<pre>{}</pre>\n",
            escape(place),
            escape(text.trim_end())
        )),
    }
}

fn row(tag: &str, cells: &[String], out: &mut String) {
    out.push_str("<tr>");
    for cell in cells {
        out.push_str(&format!("<{tag}>{}</{tag}>", escape(cell)));
    }
    out.push_str("</tr>\n");
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // HTML has no place for other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => escaped.push('\u{fffd}'),
            _ => escaped.push(c),
        }
    }
    escaped
}
