//! Reads archives with other programs. A program that is not installed is skipped with a message.

use std::path::Path;
use std::process::{Command, Output};

use sha2::{Digest, Sha256};

/// Programs that check an archive, with their arguments.
const PROGRAMS: [(&str, &[&str]); 3] = [("unzip", &["-tqq"]), ("7z", &["t"]), ("bsdtar", &["-tf"])];

/// Prints all names, then the SHA-256 of the contents of the first and the last entry.
const PYTHON: &str = "
import hashlib, sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
names = archive.namelist()
print('\\n'.join(names))
print(hashlib.sha256(archive.read(names[0])).hexdigest())
print(hashlib.sha256(archive.read(names[-1])).hexdigest())
";

/// Checks that every installed program accepts the archive silently; returns their names.
#[track_caller]
pub fn assert_readable(archive: &Path) -> Vec<&'static str> {
    let read = PROGRAMS
        .into_iter()
        .filter(|(program, arguments)| run(program, arguments, archive).is_some());
    read.map(|(program, _)| program).collect()
}

/// Checks the names that Python finds, and the contents of the first and the last entry.
#[track_caller]
pub fn assert_seen_by_python(
    archive: &Path,
    names: impl IntoIterator<Item = String>,
    first: &[u8],
    last: &[u8],
) {
    let Some(output) = run("python3", &["-c", PYTHON], archive) else { return };
    let hashed = |contents| {
        Sha256::digest(contents)
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
    };
    let expected: Vec<String> = names.into_iter().chain([hashed(first), hashed(last)]).collect();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), expected.len());
    let different: Vec<_> =
        text.lines().zip(&expected).filter(|(seen, expected)| seen != expected).take(3).collect();
    assert_eq!(different, []);
}

/// Runs a program on an archive. It must succeed and print nothing to stderr.
#[track_caller]
fn run(program: &str, arguments: &[&str], archive: &Path) -> Option<Output> {
    match Command::new(program).args(arguments).arg(archive).output() {
        Ok(output) => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() && complaint.is_empty(),
                "{program}: {}: {complaint}",
                output.status
            );
            Some(output)
        }
        Err(error) => {
            skipped!("{program} on {}: {error}", archive.display());
            None
        }
    }
}
