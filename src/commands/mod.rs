//! One file per command. A command resolves settings, calls the crates, and prints.
#![expect(
    clippy::needless_pass_by_value,
    reason = "every command takes the configuration in the same way, whether it keeps it or not"
)]

mod alert;
mod code;
mod collect;
mod demo;
mod diagnose;
mod evaluate;
mod explain;
mod follow;
mod gateway;
mod inspect;
mod reference;
mod replay;
mod report;
mod serve;
mod settings;
mod simulate;
mod sql;
mod token;
mod transform;

#[cfg(test)]
pub(crate) use alert::AlertReport;
#[cfg(test)]
pub(crate) use code::CodeReport;
#[cfg(test)]
pub(crate) use demo::DemoReport;
#[cfg(test)]
pub(crate) use diagnose::DiagnoseReport;
#[cfg(test)]
pub(crate) use evaluate::EvaluationReport;

use crate::cli::{Arguments, Command};
use crate::config::Config;
use crate::output::Outcome;

/// Runs the command.
///
/// # Errors
/// When it failed: exit code 2.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<Outcome> {
    let config = Config::resolve(arguments.config.as_deref(), &arguments.ends)?;
    match arguments.command {
        Command::Demo(command) => demo::run(config, &command),
        Command::Diagnose(command) => diagnose::run(&config, &command),
        Command::Code(command) => code::run(&config, &command),
        Command::Explain(command) => explain::run(config, &command),
        Command::Inspect(command) => inspect::run(&config, &command),
        Command::Collect(command) => collect::run(&config, &command),
        Command::Gateway(command) => gateway::run(config, &command),
        Command::Transform(command) => transform::run(config, &command),
        Command::Serve(command) => serve::run(config, &command),
        Command::Alert(command) => alert::run(config, &command),
        Command::Standalone(command) => serve::run_standalone(config, &command),
        Command::Migrate => sql::migrate(config),
        Command::Reference(command) => reference::run(config, &command),
        Command::Sql(command) => sql::run(config, &command),
        Command::Report(command) => report::run(config, &command),
        Command::Simulate(command) => simulate::run(&command),
        Command::Evaluate(command) => evaluate::run(&config, &command),
        Command::ReplayRejects(command) => replay::run(config, &command),
        Command::CheckConfig => settings::check(&config),
        Command::Completions { shell } => settings::completions(shell),
    }
}
