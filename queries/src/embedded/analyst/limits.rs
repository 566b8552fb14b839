//! How much of the engine one analyst's statement may take, and which settings it may choose.

use std::time::Duration;

use crate::embedded::failure::Failure;

/// Limits of one statement. The defaults suit a fleet of some hundred thousand devices on a small machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalystLimits {
    /// Longest run.
    pub time: Duration,
    /// Most rows of a result; more is error 396.
    pub result_rows: u64,
    /// Most bytes of a result, uncompressed; more is error 396.
    pub result_bytes: u64,
    /// Memory of one statement in bytes; more is error 241. Beyond half of it, sorting and grouping use the disk.
    pub memory_bytes: u64,
    /// Processor threads of one statement.
    pub threads: u64,
    /// Statements at a time; others wait a little and then get error 202.
    pub statements: usize,
    /// The database of who names none.
    pub database: String,
}

impl Default for AnalystLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            result_rows: 1_000_000,
            result_bytes: 256 << 20,
            memory_bytes: 512 << 20,
            threads: 2,
            statements: 2,
            database: "patchlens".to_owned(),
        }
    }
}

/// How large a result may become.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResultLimits {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// What is too large ends there, without an error.
    pub(crate) breaks: bool,
}

impl ResultLimits {
    /// True when the result has to end here.
    ///
    /// # Errors
    /// TOO_MANY_ROWS_OR_BYTES, unless it breaks.
    pub(crate) fn is_reached(self, rows: u64, bytes: u64) -> Result<bool, Failure> {
        if rows <= self.rows && bytes <= self.bytes {
            return Ok(false);
        }
        if self.breaks {
            return Ok(true);
        }
        Err(Failure::new(
            396,
            "TOO_MANY_ROWS_OR_BYTES",
            &format!(
                "Limit for result exceeded, max rows: {}, max bytes: {}",
                self.rows, self.bytes
            ),
        ))
    }
}

/// Settings that change how an answer looks, not what it costs or reaches. `output_format_schema` would write a file.
const FREE: &[&str] = &[
    "date_time_input_format",
    "date_time_output_format",
    "extremes",
    "format_csv_delimiter",
    "format_tsv_null_representation",
    "format_csv_null_representation",
    "join_use_nulls",
    "log_comment",
    "log_queries",
    "prefer_column_name_to_alias",
    "session_timezone",
    "show_table_uuid_in_table_create_query_if_not_nil",
    "transform_null_in",
    "use_client_time_zone",
];
const FREE_PREFIXES: &[&str] = &[
    "output_format_arrow_",
    "output_format_binary_",
    "output_format_bool_",
    "output_format_csv_",
    "output_format_decimal_",
    "output_format_json_",
    "output_format_markdown_",
    "output_format_native_",
    "output_format_parquet_",
    "output_format_pretty_",
    "output_format_tsv_",
    "output_format_values_",
    "output_format_write_",
];

impl AnalystLimits {
    /// The settings to put in force before `readonly = 1`: the limits, tightened and completed by what the client asks
    /// for.
    ///
    /// # Errors
    /// READONLY for a setting that is not the client's to choose.
    pub(crate) fn settings(
        &self,
        asked: &[(String, String)],
    ) -> Result<Vec<(String, String)>, Failure> {
        let mut settings = self.fixed();
        for (name, value) in asked {
            let name = name.as_str();
            // Whatever a client wants to be forbidden is forbidden already.
            if name == "readonly" {
                continue;
            }
            if let Some(at) = settings.iter().position(|(known, _)| known == name)
                && let Some((_, fixed)) = settings.get_mut(at)
            {
                *fixed = Self::tightened(name, value, fixed)?;
                continue;
            }
            let is_free =
                FREE.contains(&name) || FREE_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            if !is_free {
                return Err(not_yours(name));
            }
            settings.push((name.to_owned(), value.clone()));
        }
        Ok(settings)
    }

    /// What a result may hold, for results that are streamed: there the engine does not count bytes.
    pub(crate) fn result(&self, asked: &[(String, String)]) -> Result<ResultLimits, Failure> {
        let settings = self.settings(asked)?;
        let value = |name: &str| {
            settings
                .iter()
                .find(|(known, _)| known == name)
                .map_or("", |(_, value)| value.as_str())
        };
        Ok(ResultLimits {
            rows: value("max_result_rows").parse().unwrap_or(self.result_rows),
            bytes: value("max_result_bytes")
                .parse()
                .unwrap_or(self.result_bytes),
            breaks: value("result_overflow_mode") == "break",
        })
    }

    fn fixed(&self) -> Vec<(String, String)> {
        let numbers: [(&str, u64); 19] = [
            ("max_execution_time", self.time.as_secs().max(1)),
            ("max_result_rows", self.result_rows),
            ("max_result_bytes", self.result_bytes),
            ("max_memory_usage", self.memory_bytes),
            ("max_bytes_before_external_group_by", self.memory_bytes / 2),
            ("max_bytes_before_external_sort", self.memory_bytes / 2),
            ("max_temporary_data_on_disk_size_for_query", 1 << 30),
            ("max_threads", self.threads.max(1)),
            ("max_block_size", 65_409),
            ("max_query_size", super::STATEMENT_BYTES_MAX as u64 + 64),
            // Planning knows no time limit: what it works on has to be small.
            ("max_ast_elements", 5_000),
            ("max_expanded_ast_elements", 50_000),
            ("max_ast_depth", 300),
            ("max_parser_depth", 300),
            ("max_subquery_depth", 50),
            ("max_recursive_cte_evaluation_depth", 1_000),
            ("max_hyperscan_regexp_length", 1_000),
            ("max_hyperscan_regexp_total_length", 10_000),
            ("allow_introspection_functions", 0),
        ];
        let texts = [
            ("timeout_overflow_mode", "throw"),
            ("result_overflow_mode", "throw"),
            ("allow_ddl", "0"),
        ];
        numbers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_string()))
            .chain(texts.map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect()
    }

    /// A client may ask for less than the limit; asking for more gives the limit, as `0` (no limit) does.
    fn tightened(name: &str, asked: &str, fixed: &str) -> Result<String, Failure> {
        match name {
            "max_execution_time" | "max_result_rows" | "max_result_bytes" | "max_memory_usage"
            | "max_threads" | "max_block_size" => {
                let number = asked.parse::<f64>().unwrap_or(f64::NAN);
                if !number.is_finite() || number < 0.0 {
                    return Err(Failure::new(
                        27,
                        "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
                        &format!("Cannot parse the value {asked:?} of the setting {name}"),
                    ));
                }
                let limit = fixed.parse::<f64>().unwrap_or(1.0);
                let is_less = number >= 1.0 && number < limit;
                // Without the fraction: whole seconds, rows and bytes.
                Ok(if is_less {
                    format!("{:.0}", number.floor())
                } else {
                    fixed.to_owned()
                })
            }
            "result_overflow_mode" if matches!(asked, "throw" | "break") => Ok(asked.to_owned()),
            _ => Err(not_yours(name)),
        }
    }
}

fn not_yours(name: &str) -> Failure {
    Failure::new(
        164,
        "READONLY",
        &format!(
            "Cannot modify '{}' setting in readonly mode",
            name.chars().take(100).collect::<String>()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(name: &str, value: &str) -> Result<String, u32> {
        let settings = AnalystLimits::default()
            .settings(&[(name.to_owned(), value.to_owned())])
            .map_err(|failure| failure.code)?;
        let found: Vec<&String> = settings
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value)
            .collect();
        assert!(found.len() <= 1, "{name} is set twice");
        Ok(found
            .first()
            .map_or_else(String::new, |value| (*value).clone()))
    }

    #[test]
    fn limits_can_be_tightened_and_never_lifted() {
        for (name, value, expected) in [
            ("max_execution_time", "5", "5"),
            ("max_execution_time", "0", "30"),
            ("max_execution_time", "1e9", "30"),
            ("max_execution_time", "0.5", "30"),
            ("max_result_rows", "10", "10"),
            ("max_memory_usage", "99999999999999", "536870912"),
            ("max_threads", "1", "1"),
            ("result_overflow_mode", "break", "break"),
            ("output_format_json_quote_64bit_integers", "0", "0"),
            ("session_timezone", "Asia/Shanghai", "Asia/Shanghai"),
            ("readonly", "0", ""),
        ] {
            assert_eq!(
                asked(name, value).as_deref(),
                Ok(expected),
                "{name}={value}"
            );
        }
        for (name, value, code) in [
            ("max_execution_time", "x", 27),
            ("max_execution_time", "-1", 27),
            ("max_execution_time", "inf", 27),
            ("allow_ddl", "1", 164),
            ("max_ast_elements", "0", 164),
            ("timeout_overflow_mode", "break", 164),
            ("output_format_schema", "/tmp/x", 164),
            ("format_schema", "/etc/passwd", 164),
            ("format_template_row", "/etc/passwd", 164),
            ("allow_introspection_functions", "1", 164),
            ("max_bytes_before_external_sort", "0", 164),
            ("path", "/", 164),
            ("a'b", "1", 164),
        ] {
            assert_eq!(asked(name, value), Err(code), "{name}={value}");
        }
    }
}
