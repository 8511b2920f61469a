//! Checks whether the scans of a JPEG stream contain the whole image: ITU-T T.81, B.2.3 and G.1.1.
//!
//! Decoders silently take missing coefficients for zero, so that an image without its last scans is
//! blurred or gray. A stream is complete if its scans send every bit of every coefficient.

/// The coefficients of a block.
const COEFFICIENTS: usize = 64;

/// The number of low bits missing from a coefficient that no scan has sent.
const ABSENT: u8 = u8::MAX;

/// The number of low bits still missing from each coefficient of each component.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    components: Vec<(u8, [u8; COEFFICIENTS])>,
}

impl Scans {
    /// Starts with a frame header, including its marker and length.
    pub fn of_frame(segment: &[u8]) -> Self {
        let components = segment.get(10..).unwrap_or_default().chunks_exact(3);
        Self {
            components: components
                .map(|component| (component[0], [ABSENT; COEFFICIENTS]))
                .collect(),
        }
    }

    /// Adds a scan by its header, including its marker and length. Invalid headers are ignored.
    pub fn add(&mut self, segment: &[u8]) {
        let Some((&count, rest)) = segment.get(4..).and_then(<[u8]>::split_first) else { return };
        let Some((selectors, &[first, last, bits])) = rest.split_at_checked(2 * usize::from(count))
        else {
            return;
        };
        let (high, low) = (bits >> 4, bits & 15);
        for selector in selectors.chunks_exact(2) {
            for (_, lacking) in self.components.iter_mut().filter(|(id, _)| *id == selector[0]) {
                // `get_mut` returns nothing if the first is after the last.
                let sent = lacking.get_mut(usize::from(first)..usize::from(last) + 1);
                for lacking in sent.into_iter().flatten() {
                    // The coefficient's first scan, or a refinement of what was sent.
                    if high == 0 || *lacking == high {
                        *lacking = low;
                    }
                }
            }
        }
    }

    /// Whether no bit is missing.
    pub fn are_complete(&self) -> bool {
        self.components.iter().all(|(_, lacking)| lacking.iter().all(|&bits| bits == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with components 1, 2 and 3.
    const FRAME: [u8; 19] =
        [0xff, 0xc2, 0, 17, 8, 0, 16, 0, 16, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];

    fn scan(components: &[u8], first: u8, last: u8, bits: u8) -> Vec<u8> {
        let selectors: Vec<u8> = components.iter().flat_map(|&id| [id, 0]).collect();
        [
            &[0xff, 0xda, 0, 6 + selectors.len() as u8, components.len() as u8],
            &selectors[..],
            &[first, last, bits],
        ]
        .concat()
    }

    fn are_complete(scans: &[Vec<u8>]) -> bool {
        let mut all = Scans::of_frame(&FRAME);
        for scan in scans {
            all.add(scan);
        }
        all.are_complete()
    }

    #[test]
    fn requires_every_bit_of_every_coefficient() {
        assert!(are_complete(&[scan(&[1, 2, 3], 0, 63, 0)]));
        assert!(are_complete(&[scan(&[1], 0, 63, 0), scan(&[2], 0, 63, 0), scan(&[3], 0, 63, 0)]));
        // libjpeg's default script for progressive files.
        let progressive = [
            scan(&[1, 2, 3], 0, 0, 0x01),
            scan(&[1], 1, 5, 0x02),
            scan(&[3], 1, 63, 0x01),
            scan(&[2], 1, 63, 0x01),
            scan(&[1], 6, 63, 0x02),
            scan(&[1], 1, 63, 0x21),
            scan(&[1, 2, 3], 0, 0, 0x10),
            scan(&[3], 1, 63, 0x10),
            scan(&[2], 1, 63, 0x10),
            scan(&[1], 1, 63, 0x10),
        ];
        assert!(are_complete(&progressive));
        for missing in 0..progressive.len() {
            let rest: Vec<Vec<u8>> = progressive
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != missing)
                .map(|(_, scan)| scan.clone())
                .collect();
            assert!(!are_complete(&rest), "without scan {missing}");
        }
        for cut in 0..progressive.len() {
            assert!(!are_complete(&progressive[..cut]), "{cut} scans");
        }
    }

    #[test]
    fn ignores_invalid_scan_headers() {
        let whole = scan(&[1, 2, 3], 0, 63, 0);
        for length in 0..whole.len() {
            assert!(!are_complete(&[whole[..length].to_vec()]));
        }
        assert!(!are_complete(&[scan(&[1, 2, 3], 0, 64, 0)]));
        assert!(!are_complete(&[scan(&[1, 2, 3], 63, 0, 0)]));
        assert!(!are_complete(&[scan(&[1, 2, 4], 0, 63, 0)]));
    }
}
