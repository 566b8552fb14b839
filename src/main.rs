//! `patchlens`: one binary for the collectors, the transform stage, the dashboards, and the
//! embedded edition that needs neither a Kafka nor a ClickHouse server.
//!
//! This package only dispatches: arguments and configuration in, exit code out.
//! stdout carries results, stderr carries logs and progress.
//!
//! Without the feature `fleet` it is the edition for endpoints: the commands that collect.
#![cfg_attr(
    not(feature = "fleet"),
    expect(
        dead_code,
        reason = "settings, forms and helpers of the commands that an endpoint does not have"
    )
)]

#[cfg(feature = "fleet")]
mod alerting;
mod cli;
mod commands;
mod config;
#[cfg(feature = "fleet")]
mod documents;
#[cfg(feature = "fleet")]
mod health;
#[cfg(feature = "fleet")]
mod knowledge;
mod output;
mod reading;
#[cfg(feature = "fleet")]
mod reference;
#[cfg(feature = "fleet")]
#[cfg(test)]
mod schema_tests;
mod services;
mod shipping;
#[cfg(feature = "fleet")]
mod upload;

use std::process::ExitCode;

use clap::Parser;

use crate::output::Outcome;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    output::init_logging(arguments.verbose, arguments.command.is_question());
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
