//! Builds the page's bundle where it is missing or older than its sources, compiles the way to
//! libjpeg-turbo's rows, and lets the binary find OpenSlide where it was linked.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::SystemTime;
use std::{env, fs, io};

const BUNDLE: [&str; 5] = ["index.html", "gallery.html", "viewer.js", "viewer.css", "LICENSES.txt"];
const SOURCES: [&str; 5] = ["src", "licenses", "build.mjs", "package.json", "package-lock.json"];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed=build.rs");
    match find_openslide().and_then(|()| compile_jpeg_rows()).and_then(|()| build_page()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("cargo::error={message}");
            ExitCode::FAILURE
        }
    }
}

/// OpenSlide's own folder goes into the binary's search path, unless it is one that the loader
/// searches anyway.
fn find_openslide() -> Result<(), String> {
    let library = pkg_config::Config::new()
        .atleast_version("4.0.0")
        .cargo_metadata(false)
        .probe("openslide")
        .map_err(|_| {
            "OpenSlide 4.0 or newer is not installed; `make deps` installs it".to_owned()
        })?;
    // An executable exports those of its symbols that a shared library on its link line refers to:
    // libjpeg-turbo and OpenJPEG, which are linked statically here, would take the place of the
    // system's under an OpenSlide that is linked with these, as Debian's is (seen with a library
    // that calls jpeg_read_header).
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo::rustc-link-arg=-Wl,--exclude-libs,ALL");
    }
    for folder in library.link_paths {
        let folder =
            fs::canonicalize(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
    Ok(())
}

/// The classic interface of the libjpeg-turbo that `turbojpeg-sys` has built, by whose headers it
/// must be compiled.
fn compile_jpeg_rows() -> Result<(), String> {
    const SOURCE: &str = "src/codec/decode/jpeg/rows.c";
    println!("cargo::rerun-if-changed={SOURCE}");
    let headers = env::var("DEP_TURBOJPEG_INCLUDE")
        .map_err(|_| "turbojpeg-sys does not say where its headers are".to_owned())?;
    let compiled = cc::Build::new()
        .file(SOURCE)
        .include(headers)
        .std("c11")
        .extra_warnings(true)
        .try_compile("slidezoom_jpeg_rows");
    compiled.map_err(|error| format!("{SOURCE}: {error}"))
}

fn build_page() -> Result<(), String> {
    let viewer =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?)
            .join("viewer");
    let bundle = viewer.join("dist");
    for file in BUNDLE {
        println!("cargo::rerun-if-changed={}", bundle.join(file).display());
    }
    let has_sources = viewer.join("package.json").exists();
    let built =
        BUNDLE.iter().map(|file| modified(&bundle.join(file))).collect::<io::Result<Vec<_>>>();
    let Some(oldest) = built.ok().and_then(|times| times.into_iter().min()) else {
        return if has_sources {
            run_npm(&viewer)
        } else {
            Err("viewer/dist is not in this package".to_owned())
        };
    };
    // The published package holds the bundle and not its sources.
    if !has_sources {
        return Ok(());
    }
    let mut newest = SystemTime::UNIX_EPOCH;
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", viewer.join(source).display());
        let time = newest_below(&viewer.join(source))
            .map_err(|error| format!("viewer/{source}: {error}"))?;
        newest = newest.max(time);
    }
    if newest > oldest { run_npm(&viewer) } else { Ok(()) }
}

fn run_npm(viewer: &Path) -> Result<(), String> {
    for arguments in [&["ci", "--no-audit", "--no-fund"][..], &["run", "build"]] {
        let output = Command::new("npm").args(arguments).current_dir(viewer).output().map_err(|error| {
            format!("the page is built by npm, which cannot be run ({error}); `make deps` installs node and npm")
        })?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).replace('\n', " | ");
            return Err(format!("npm {}: {}: {said}", arguments.join(" "), output.status));
        }
    }
    Ok(())
}

fn modified(path: &Path) -> io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

fn newest_below(path: &Path) -> io::Result<SystemTime> {
    let mut newest = modified(path)?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            newest = newest.max(newest_below(&entry?.path())?);
        }
    }
    Ok(newest)
}
