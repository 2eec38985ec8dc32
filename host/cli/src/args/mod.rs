//! The command line, as typed.

mod cli;
mod examples;

pub(crate) use cli::{
    CacheArgs, CheckArgs, Cli, Color, Command, ForgetArgs, Format, GetArgs, InputFormat, InspectArgs, LogFormat,
    OutputArgs, PublishArgs, RefillArgs, RunArgs, StatusArgs, TargetArgs,
};
