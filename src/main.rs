//! `patchlens`: one binary for the collectors, the transform stage, the dashboards, and the
//! embedded edition that needs neither a Kafka nor a ClickHouse server.
//!
//! This package only dispatches: arguments and configuration in, exit code out.
//! stdout carries results, stderr carries logs and progress.

mod alerting;
mod cli;
mod commands;
mod config;
mod documents;
mod health;
mod knowledge;
mod output;
mod reading;
mod reference;
#[cfg(test)]
mod schema_tests;
mod services;
mod shipping;
mod upload;

use std::process::ExitCode;

use clap::Parser;

use crate::output::Outcome;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    output::init_logging(arguments.verbose);
    match commands::run(arguments) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::DoneWithRejects) => ExitCode::from(1),
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::report_error(&error);
            ExitCode::from(2)
        }
    }
}
