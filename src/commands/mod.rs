//! One file per command. A command resolves settings, calls the crates, and prints.
#![expect(
    clippy::needless_pass_by_value,
    reason = "every command takes the configuration in the same way, whether it keeps it or not"
)]

#[cfg(feature = "fleet")]
mod alert;
#[cfg(feature = "fleet")]
mod code;
mod collect;
#[cfg(feature = "fleet")]
mod demo;
#[cfg(feature = "fleet")]
mod diagnose;
#[cfg(feature = "fleet")]
mod evaluate;
#[cfg(feature = "fleet")]
mod explain;
mod follow;
#[cfg(feature = "fleet")]
mod gateway;
mod inspect;
#[cfg(feature = "fleet")]
mod reference;
#[cfg(feature = "fleet")]
mod replay;
#[cfg(feature = "fleet")]
mod report;
#[cfg(feature = "fleet")]
mod serve;
mod settings;
#[cfg(feature = "fleet")]
mod simulate;
#[cfg(feature = "fleet")]
mod sql;
#[cfg(feature = "fleet")]
mod token;
#[cfg(feature = "fleet")]
mod transform;

#[cfg(feature = "fleet")]
#[cfg(test)]
pub(crate) use alert::AlertReport;
#[cfg(feature = "fleet")]
#[cfg(test)]
pub(crate) use code::CodeReport;
#[cfg(feature = "fleet")]
#[cfg(test)]
pub(crate) use demo::DemoReport;
#[cfg(feature = "fleet")]
#[cfg(test)]
pub(crate) use diagnose::DiagnoseReport;
#[cfg(feature = "fleet")]
#[cfg(test)]
pub(crate) use evaluate::EvaluationReport;

#[cfg(feature = "fleet")]
use crate::cli::Fleet;
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
        #[cfg(feature = "fleet")]
        Command::Fleet(command) => run_fleet(config, command),
        Command::Inspect(command) => inspect::run(&config, &command),
        Command::Collect(command) => collect::run(&config, &command),
        Command::CheckConfig => settings::check(&config),
        Command::Completions { shell } => settings::completions(shell),
    }
}

#[cfg(feature = "fleet")]
fn run_fleet(config: Config, command: Fleet) -> anyhow::Result<Outcome> {
    match command {
        Fleet::Demo(command) => demo::run(config, &command),
        Fleet::Diagnose(command) => diagnose::run(&config, &command),
        Fleet::Code(command) => code::run(&config, &command),
        Fleet::Explain(command) => explain::run(config, &command),
        Fleet::Gateway(command) => gateway::run(config, &command),
        Fleet::Transform(command) => transform::run(config, &command),
        Fleet::Serve(command) => serve::run(config, &command),
        Fleet::Alert(command) => alert::run(config, &command),
        Fleet::Standalone(command) => serve::run_standalone(config, &command),
        Fleet::Migrate => sql::migrate(config),
        Fleet::Reference(command) => reference::run(config, &command),
        Fleet::Sql(command) => sql::run(config, &command),
        Fleet::Report(command) => report::run(config, &command),
        Fleet::Simulate(command) => simulate::run(&command),
        Fleet::Evaluate(command) => evaluate::run(&config, &command),
        Fleet::ReplayRejects(command) => replay::run(config, &command),
    }
}
