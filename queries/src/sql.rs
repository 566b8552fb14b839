//! Fills the placeholders of `.sql` files, so that one file serves the embedded engine, one server
//! and a cluster.
//!
//! `{table:x}` and `{view:x}` become names with their database, `{engine:ReplacingMergeTree(v)}` the
//! engine or its replicated form, `{on_cluster}` its clause. On a cluster a table whose header says
//! `-- Shard: column` is made twice: `x_local` on every node, and `x` as Distributed over them, sharded
//! by that column; tables without that line are replicated whole to every node. A change of a sharded table is
//! made to both, one of its indexes to the first alone.

/// For whom statements are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deployment {
    pub(crate) database: String,
    pub(crate) cluster: Option<String>,
}

impl Deployment {
    /// Fills the placeholders of a view or a query.
    pub(crate) fn render(&self, text: &str) -> String {
        self.fill(text, "", false)
    }

    /// Fills the placeholders of a statement that removes rows of sharded tables: what a Distributed table cannot do, its
    /// nodes' own tables can.
    pub(crate) fn render_removal(&self, text: &str) -> String {
        let suffix = if self.cluster.is_some() { "_local" } else { "" };
        self.fill(text, suffix, true)
    }

    /// Fills the placeholders of a table's migration; more than one statement on a cluster.
    pub(crate) fn render_table(&self, text: &str) -> Vec<String> {
        let Some(cluster) = &self.cluster else {
            return vec![self.fill(text, "", false)];
        };
        let Some(shard) = text
            .lines()
            .find_map(|line| line.strip_prefix("-- Shard: "))
        else {
            return vec![self.fill(text, "", false)];
        };
        if let Some(change) = change(text) {
            let mut statements = vec![self.fill(text, "_local", true)];
            // The table over all nodes has columns, and no indexes that could be changed.
            if !change.contains(" INDEX ") {
                statements.push(self.fill(text, "", true));
            }
            return statements;
        }
        let (database, table) = (
            &self.database,
            placeholder(text, "table").unwrap_or_default(),
        );
        let distributed = format!(
            "CREATE TABLE IF NOT EXISTS `{database}`.`{table}` ON CLUSTER `{cluster}` AS `{database}`.`{table}_local`\nENGINE = Distributed(`{cluster}`, `{database}`, `{table}_local`, cityHash64({shard}))"
        );
        vec![self.fill(text, "_local", true), distributed]
    }

    fn fill(&self, text: &str, suffix: &str, is_sharded: bool) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((inside, behind)) = after.split_once('}') else {
                break;
            };
            match inside.split_once(':') {
                Some(("table" | "view", name)) => {
                    out.extend(["`", &self.database, "`.`", name, suffix, "`"]);
                }
                Some(("engine", engine)) => out.push_str(&self.engine(engine, is_sharded)),
                None if inside == "on_cluster" => {
                    if let Some(cluster) = &self.cluster {
                        out.extend(["ON CLUSTER `", cluster, "`"]);
                    }
                }
                // A server-side parameter, or a brace of its own.
                _ => {
                    out.push('{');
                    rest = after;
                    continue;
                }
            }
            rest = behind;
        }
        out.push_str(rest);
        out
    }

    fn engine(&self, engine: &str, is_sharded: bool) -> String {
        if self.cluster.is_none() {
            return engine.to_owned();
        }
        let (name, arguments) = engine
            .split_once('(')
            .map_or((engine, ""), |(name, arguments)| {
                (name, arguments.trim_end_matches(')'))
            });
        let shard = if is_sharded { "{shard}" } else { "all" };
        // A replica's name is its host; in tables that every shard has whole, shards are replicas too.
        let replica = if is_sharded {
            "{replica}"
        } else {
            "{shard}-{replica}"
        };
        let comma = if arguments.is_empty() { "" } else { ", " };
        format!(
            "Replicated{name}('/clickhouse/tables/{shard}/{{database}}/{{table}}', '{replica}'{comma}{arguments})"
        )
    }
}

/// The statement, when it changes a table instead of making it.
fn change(text: &str) -> Option<String> {
    let lines = text.lines().filter(|line| !line.starts_with("--"));
    let statement = lines.collect::<Vec<_>>().join(" ");
    let is_change = statement.trim_start().starts_with("ALTER TABLE ");
    is_change.then_some(statement)
}

/// Returns x of the first `{kind:x}`.
fn placeholder<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    text.split('{').skip(1).find_map(|part| {
        part.split_once('}')?
            .0
            .strip_prefix(kind)?
            .strip_prefix(':')
    })
}

/// Counts the statements of a text: pieces between semicolons that hold more than comments.
pub(crate) fn statements(text: &str) -> usize {
    crate::embedded::count_statements(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "-- Shard: device_id\nCREATE TABLE IF NOT EXISTS {table:t} {on_cluster} (a UInt8) ENGINE = {engine:ReplacingMergeTree(v)} ORDER BY a COMMENT 'like {\"19045\":4780}'";

    #[test]
    fn rows_are_removed_where_they_lie() {
        let text = "ALTER TABLE {table:t} {on_cluster} DELETE WHERE a = {a:UInt8}";
        let deployment = |cluster: Option<&str>| Deployment {
            database: "p".to_owned(),
            cluster: cluster.map(str::to_owned),
        };
        assert_eq!(
            deployment(None).render_removal(text),
            "ALTER TABLE `p`.`t`  DELETE WHERE a = {a:UInt8}"
        );
        assert_eq!(
            deployment(Some("c")).render_removal(text),
            "ALTER TABLE `p`.`t_local` ON CLUSTER `c` DELETE WHERE a = {a:UInt8}"
        );
    }

    #[test]
    fn one_server_gets_plain_tables() {
        let single = Deployment {
            database: "d".to_owned(),
            cluster: None,
        };
        assert_eq!(
            single.render_table(TABLE),
            [
                "-- Shard: device_id\nCREATE TABLE IF NOT EXISTS `d`.`t`  (a UInt8) ENGINE = ReplacingMergeTree(v) ORDER BY a COMMENT 'like {\"19045\":4780}'"
            ]
        );
        assert_eq!(
            single.render("SELECT {x:UInt8} FROM {view:v}"),
            "SELECT {x:UInt8} FROM `d`.`v`"
        );
    }

    #[test]
    fn a_cluster_changes_the_shards_and_the_table_over_them() {
        let cluster = Deployment {
            database: "d".to_owned(),
            cluster: Some("c".to_owned()),
        };
        let text = "-- Shard: device_id\nALTER TABLE {table:t} {on_cluster} ADD COLUMN IF NOT EXISTS b UInt8";
        let statements: Vec<String> = cluster
            .render_table(text)
            .iter()
            .map(|statement| statement.lines().last().unwrap().to_owned())
            .collect();
        assert_eq!(
            statements,
            [
                "ALTER TABLE `d`.`t_local` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS b UInt8",
                "ALTER TABLE `d`.`t` ON CLUSTER `c` ADD COLUMN IF NOT EXISTS b UInt8"
            ]
        );
        let text =
            "-- Shard: device_id\nALTER TABLE {table:t} {on_cluster}\n    DROP INDEX IF EXISTS i";
        let statements = cluster.render_table(text);
        assert_eq!(statements.len(), 1, "{statements:?}");
        assert!(
            statements[0].contains("`d`.`t_local` ON CLUSTER `c`"),
            "{statements:?}"
        );
    }

    #[test]
    fn a_cluster_gets_replicated_shards_and_a_table_over_them() {
        let cluster = Deployment {
            database: "d".to_owned(),
            cluster: Some("c".to_owned()),
        };
        let statements = cluster.render_table(TABLE);
        assert!(
            statements[0].contains("`d`.`t_local` ON CLUSTER `c`"),
            "{statements:?}"
        );
        assert!(statements[0].contains("ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', v)"), "{statements:?}");
        assert!(
            statements[1].contains("Distributed(`c`, `d`, `t_local`, cityHash64(device_id))"),
            "{statements:?}"
        );
        let whole = cluster.render_table(
            &TABLE
                .replace("-- Shard: device_id\n", "")
                .replace("ReplacingMergeTree(v)", "MergeTree"),
        );
        assert_eq!(whole.len(), 1);
        assert!(whole[0].contains("ReplicatedMergeTree('/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}')"), "{whole:?}");
    }
}
