//! Reads the engine's own parse tree of a statement.
//!
//! One node stands on each line, indented by its depth. A quoted name may hold a line end and so forge further lines:
//! it can add nodes, which can only make a statement refused, and takes none away.

use super::functions;

/// Nodes that read. What is not listed is refused.
const NODES: &[&str] = &[
    "ArrayJoin",
    "Asterisk",
    "ColumnsExceptTransformer",
    "ColumnsListMatcher",
    "ColumnsRegexpMatcher",
    "ColumnsReplaceTransformer",
    "ColumnsReplaceTransformer::Replacement",
    "ColumnsTransformerList",
    "DescribeQuery",
    "ExistsDatabaseQuery",
    "ExistsTableQuery",
    "ExistsViewQuery",
    "Explain",
    "ExpressionList",
    "Function",
    "Identifier",
    "InterpolateElement",
    "Literal",
    "OrderByElement",
    "QualifiedAsterisk",
    "QualifiedColumnsListMatcher",
    "QualifiedColumnsRegexpMatcher",
    "SampleRatio",
    "SelectIntersectExceptQuery",
    "SelectQuery",
    "SelectWithUnionQuery",
    "ShowColumns",
    "ShowCreateDatabaseQuery",
    "ShowCreateTableQuery",
    "ShowCreateViewQuery",
    "ShowEngineQuery",
    "ShowFunctions",
    "ShowIndexes",
    "ShowTables",
    "Subquery",
    "TableExpression",
    "TableIdentifier",
    "TableJoin",
    "TablesInSelectQuery",
    "TablesInSelectQueryElement",
    "WindowDefinition",
    "WindowListElement",
    "WithElement",
];

/// EXPLAIN … of these kinds only; others reach tables of other servers.
const EXPLAINS: &[&str] = &[
    "EXPLAIN",
    "EXPLAIN AST",
    "EXPLAIN SYNTAX",
    "EXPLAIN QUERY TREE",
    "EXPLAIN PIPELINE",
    "EXPLAIN ESTIMATE",
];

/// Databases that are not the fleet's. `default` of this engine shows files as tables.
const CLOSED_DATABASES: [&str; 3] = ["system", "default", "_temporary_and_external_tables"];

/// What clients ask about the schema and the language, and tables made of numbers. Nothing here tells what others do.
const SYSTEM_TABLES: &[&str] = &[
    "aggregate_function_combinators",
    "collations",
    "columns",
    "constraints",
    "data_skipping_indices",
    "data_type_families",
    "databases",
    "documentation",
    "formats",
    "functions",
    "keywords",
    "numbers",
    "numbers_mt",
    "one",
    "settings",
    "table_engines",
    "table_functions",
    "tables",
    "time_zones",
    "zeros",
    "zeros_mt",
];

/// What a statement that may run holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// The tables, views and WITH names that it reads, once for each place, without their database.
    pub(super) tables: Vec<String>,
}

/// Reads the tree, or says why the statement may not run.
pub(super) fn read(tree: &str) -> Result<Outline, String> {
    let mut outline = Outline::default();
    let is_explain = tree.starts_with("Explain ");
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let node = line.trim_start_matches(' ');
        let depth = line.len() - node.len();
        let kind = node.split(' ').next().unwrap_or_default();
        let rest = argument(node.get(kind.len()..).unwrap_or_default());
        match kind {
            // EXPLAIN's own options, which set nothing.
            "Set" if is_explain && depth == 1 => {}
            "Set" => {
                return Err(
                    "SETTINGS in a statement; what may be set goes beside it, as parameters of the address"
                        .to_owned(),
                );
            }
            "ColumnsApplyTransformer" => {
                return Err("APPLY; call the function on each column".to_owned());
            }
            "Function" if !functions::is_allowed(rest) => {
                return Err(format!("the function {rest}"));
            }
            "Explain" if !EXPLAINS.contains(&rest) => {
                return Err(format!(
                    "{rest}: try EXPLAIN, EXPLAIN SYNTAX or EXPLAIN PIPELINE"
                ));
            }
            "Identifier" | "TableIdentifier" => {
                check_name(rest)?;
                if kind == "TableIdentifier" {
                    let table = rest.rsplit('.').next().unwrap_or(rest);
                    outline.tables.push(table.to_owned());
                }
            }
            kind if NODES.contains(&kind) => {}
            kind => {
                return Err(format!(
                    "{kind}; analysts may SELECT, SHOW, DESCRIBE and EXPLAIN"
                ));
            }
        }
    }
    if tree.trim().is_empty() {
        return Err("a statement that the engine shows no tree of".to_owned());
    }
    Ok(outline)
}

/// What stands behind the kind, without alias and count of children.
fn argument(text: &str) -> &str {
    let text = text.trim_start();
    let end = [" (alias ", " (children "]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .unwrap_or(text.len());
    text.get(..end).unwrap_or(text)
}

/// A name may be a table's wherever it stands: `x IN system.users` reads a table.
fn check_name(name: &str) -> Result<(), String> {
    let Some((database, table)) = name.split_once('.') else {
        return Ok(());
    };
    let (database, table) = (database.to_ascii_lowercase(), table.to_ascii_lowercase());
    if !CLOSED_DATABASES.contains(&database.as_str()) {
        return Ok(());
    }
    let table = table.split('.').next().unwrap_or_default();
    if database == "system" && SYSTEM_TABLES.contains(&table) {
        return Ok(());
    }
    Err(format!("the table {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_let_through_and_tells_its_tables() {
        let tree = "SelectWithUnionQuery (children 1)\n ExpressionList (children 1)\n  SelectQuery (children 2)\n   \
                    Function sumIf (alias s) (children 1)\n   TableIdentifier patchlens.device (alias d)\n   \
                    TableIdentifier system.columns\n   Identifier d.site\n";
        assert_eq!(read(tree).unwrap().tables, ["device", "columns"]);
        assert!(read("Explain EXPLAIN (children 2)\n Set\n SelectWithUnionQuery\n").is_ok());
    }

    #[test]
    fn whatever_else_is_refused_with_a_reason() {
        for (tree, reason) in [
            (
                "SelectQuery\n Function file (children 1)",
                "the function file",
            ),
            (
                "SelectQuery\n Function FILE (alias x) (children 1)",
                "the function FILE",
            ),
            (
                "SelectQuery\n Identifier system.processes",
                "the table system.processes",
            ),
            (
                "SelectQuery\n TableIdentifier default./etc/passwd",
                "the table default./etc/passwd",
            ),
            (
                "SelectQuery\n TableIdentifier System.Users",
                "the table System.Users",
            ),
            ("SelectQuery\n Set", "SETTINGS in a statement"),
            (
                "Explain EXPLAIN\n SelectQuery\n  Set",
                "SETTINGS in a statement",
            ),
            ("SelectQuery\n ColumnsApplyTransformer", "APPLY"),
            ("InsertQuery", "InsertQuery"),
            ("ShowProcesslistQuery", "ShowProcesslistQuery"),
            ("Explain EXPLAIN TABLE OVERRIDE\n", "EXPLAIN TABLE OVERRIDE"),
            ("", "no tree"),
            ("{\"explain\":", "{\"explain\":"),
        ] {
            let found = read(tree).unwrap_err();
            assert!(found.contains(reason), "{tree:?}: {found}");
        }
    }
}
