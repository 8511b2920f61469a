//! Serves a slide's pyramid without exporting it: each tile is computed on request.
//!
//! ```sh
//! cargo run --release --example serve_tiles -- CMU-1.svs [PORT]
//! ```
//!
//! serves the page of an export at `/`, the descriptor at `/slide.dzi` and the tiles at
//! `/slide_files/<level>/<column>_<row>.jpeg`. It is a minimal server for your own machine and
//! listens on the loopback address only.

#![allow(clippy::print_stderr, reason = "an example talks to its user")]

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;

use slidezoom::{ExportOptions, Slide, SlidePyramid, TileAddress};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [slide] => serve(slide, "8000"),
        [slide, port] => serve(slide, port),
        _ => Err("usage: serve_tiles SLIDE [PORT]".into()),
    }
}

fn serve(slide: &str, port: &str) -> Outcome<()> {
    let pyramid = Slide::open(slide)?.pyramid_named("slide", &ExportOptions::default())?;
    let files = Arc::new(static_files(&pyramid));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?))?;
    eprintln!("http://{}/", listener.local_addr()?);
    for connection in listener.incoming() {
        let (stream, pyramid, files) = (connection?, pyramid.clone(), Arc::clone(&files));
        std::thread::spawn(move || {
            // The browser may close the connection before the response ends.
            if let Err(error) = answer(&stream, &pyramid, &files) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

/// The files other than tiles, by path.
fn static_files(pyramid: &SlidePyramid) -> HashMap<String, Vec<u8>> {
    let files =
        pyramid.static_files().into_iter().map(|(name, contents)| (format!("/{name}"), contents));
    let mut files: HashMap<_, _> = files.collect();
    files.extend(files.get("/index.html").cloned().map(|page| ("/".to_owned(), page)));
    files
}

fn answer(
    stream: &TcpStream,
    pyramid: &SlidePyramid,
    files: &HashMap<String, Vec<u8>>,
) -> Outcome<()> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    match files.get(path) {
        Some(contents) => respond(stream, "200 OK", mime_type(path), contents),
        None => match tile_address(path, pyramid).map(|tile| pyramid.encoded_nearest_tile(tile)) {
            Some(Ok(contents)) => respond(stream, "200 OK", mime_type(path), &contents),
            Some(Err(error)) => respond(
                stream,
                "500 Internal Server Error",
                "text/plain",
                error.to_string().as_bytes(),
            ),
            None => respond(stream, "404 Not Found", "text/plain", b"not found"),
        },
    }
}

fn tile_address(path: &str, pyramid: &SlidePyramid) -> Option<TileAddress> {
    pyramid.plan().names().tile_named(path.strip_prefix('/')?, pyramid.plan().pyramid())
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
