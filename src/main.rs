//! The `slidezoom` command.

fn main() -> std::process::ExitCode {
    slidezoom::cli::run()
}
