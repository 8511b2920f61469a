//! Serves a slide's pyramid without exporting it: each tile is made when it is asked for.
//!
//! ```sh
//! cargo run --release --example serve_tiles -- CMU-1.svs [PORT]
//! ```
//!
//! answers `/` with the page that an export has, `/slide.dzi` with the descriptor and `/slide_files/<level>/<column>_<row>.jpeg` with tiles.
//! It is a small server for one's own machine: it listens there alone.

#![allow(clippy::print_stderr, reason = "an example talks to its user")]

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;

use slidezoom::engine::metadata::{ExportOutcome, describe};
use slidezoom::layout::viewer;
use slidezoom::pyramid::TileSet;
use slidezoom::{ExportOptions, Slide, SlidePyramid};

const NAME: &str = "slide";

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match &arguments[..] {
        [slide] => serve(slide, "8000"),
        [slide, port] => serve(slide, port),
        _ => Err("expected: SLIDE [PORT]".into()),
    };
    if let Err(error) = result {
        eprintln!("serve_tiles: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn serve(slide: &str, port: &str) -> Outcome<()> {
    let slide = Slide::open(slide)?;
    let pyramid = slide.pyramid_named(NAME, &ExportOptions::default())?;
    let page = page(&slide, &pyramid);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?))?;
    eprintln!("http://{}/", listener.local_addr()?);
    std::thread::scope(|scope| {
        for connection in listener.incoming() {
            let (pyramid, page) = (&pyramid, &page);
            scope.spawn(move || {
                // A browser that goes away is no failure of the server.
                if let Err(error) = connection.map_err(Into::into).and_then(|stream| answer(&stream, pyramid, page)) {
                    eprintln!("{error}");
                }
            });
        }
    });
    Ok(())
}

/// What does not change, by path.
fn page(slide: &Slide, pyramid: &SlidePyramid<'_>) -> HashMap<String, Vec<u8>> {
    let plan = pyramid.plan();
    let nothing = TileSet::of(plan.pyramid(), |_| false);
    let findings = ExportOutcome { associated_images: &[], unreadable: &[], left_out: &nothing, source: None };
    let description = describe(slide.info(), plan, findings);
    let mut files: HashMap<String, Vec<u8>> = viewer::files(NAME)
        .into_iter()
        .map(|(name, contents)| (format!("/{name}"), contents.as_bytes().to_vec()))
        .collect();
    files.insert(format!("/{}", viewer::SLIDE_SCRIPT), viewer::slide_script(&description).into_bytes());
    files.insert(format!("/{NAME}.dzi"), plan.descriptor(&nothing).to_xml().into_bytes());
    files.extend(files.get("/index.html").cloned().map(|page| ("/".to_owned(), page)));
    files
}

fn answer(stream: &TcpStream, pyramid: &SlidePyramid<'_>, page: &HashMap<String, Vec<u8>>) -> Outcome<()> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    match page.get(path) {
        Some(contents) => respond(stream, "200 OK", mime_type(path), contents),
        None => match tile(path, pyramid) {
            Some(Ok(contents)) => respond(stream, "200 OK", mime_type(path), &contents),
            Some(Err(error)) => {
                respond(stream, "500 Internal Server Error", "text/plain", error.to_string().as_bytes())
            }
            None => respond(stream, "404 Not Found", "text/plain", b"there is nothing here"),
        },
    }
}

/// The tile that a path names; `None` where it names none.
fn tile(path: &str, pyramid: &SlidePyramid<'_>) -> Option<Result<Vec<u8>, slidezoom::Error>> {
    let tile = pyramid.plan().names().tile_named(path.strip_prefix('/')?, pyramid.plan().pyramid())?;
    let encoded = || {
        let pixels = pyramid.nearest_tile(tile.level().number(), tile.column(), tile.row())?;
        Ok(pyramid.encoder()?.encode(pixels.view())?.to_vec())
    };
    Some(encoded())
}

fn respond(mut stream: &TcpStream, status: &str, mime_type: &str, contents: &[u8]) -> Outcome<()> {
    let length = contents.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {mime_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    Ok(stream.write_all(contents)?)
}

fn mime_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("jpeg") => "image/jpeg",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("dzi") => "application/xml",
        Some("txt") => "text/plain",
        _ => "text/html",
    }
}
