//! Arguments about the tokens of collectors and of the dashboards' readers.

use clap::{Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(crate) enum GatewayAction {
    /// Manage the collectors' tokens
    #[command(subcommand)]
    Token(TokenAction),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenAction {
    /// Make a token for a collector and print it, once
    Add {
        /// Name of the collector
        name: String,
        /// What it may do [default: all]
        #[arg(long = "scope", value_enum, value_delimiter = ',')]
        scopes: Vec<TokenScope>,
        /// A device that it may speak for, or a beginning of ids such as BRANCH-*; may be repeated [default: all]
        #[arg(long = "for-device", value_name = "ID")]
        devices: Vec<String>,
    },
    /// List the collectors that have a token
    List,
    /// Take a collector's token away; a running gateway notices within a second
    Revoke {
        /// Name of the collector
        name: String,
    },
}

/// What a collector may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenScope {
    /// Send events
    Events,
    /// Send log bundles
    Bundles,
    /// Send event log documents
    Winlogbeat,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ServeAction {
    /// Manage the tokens of the dashboards' readers
    #[command(subcommand)]
    Token(ReaderAction),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReaderAction {
    /// Make a token for a reader and print it, once: the password that the browser asks for
    Add {
        /// Name of the reader
        name: String,
    },
    /// List the readers that have a token
    List,
    /// Take a reader's token away; running dashboards notice within a second
    Revoke {
        /// Name of the reader
        name: String,
    },
}
