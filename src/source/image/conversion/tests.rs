//! Compares each kind of sample and pixel with its defining equation.

use std::sync::Arc;

use super::*;

fn layout(channels: Channels, sample: SampleType) -> SampleLayout {
    SampleLayout::new(channels, sample)
}

fn converted(
    layout: SampleLayout,
    range: Option<(f64, f64)>,
    row: &[u8],
    columns: Range<u32>,
) -> Vec<u8> {
    let range = range.map(|(black, white)| SampleRange::new(black, white).unwrap());
    let mut pixels = vec![77; columns.len() * PIXEL_BYTES];
    Conversion::new(layout, range).unwrap().convert(row, columns, &mut pixels).unwrap();
    pixels
}

#[test]
fn rounds_integers_to_the_nearest_of_256_steps() {
    let values: Vec<u16> = (0..=u16::MAX).collect();
    #[expect(clippy::cast_sign_loss, reason = "the values are not negative")]
    let exact: Vec<u8> =
        values.iter().map(|&value| (f64::from(value) * 255.0 / 65535.0).round() as u8).collect();
    for (order, row) in [
        (
            ByteOrder::BigEndian,
            values.iter().flat_map(|value| value.to_be_bytes()).collect::<Vec<_>>(),
        ),
        (ByteOrder::LittleEndian, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
    ] {
        let found =
            converted(layout(Channels::Gray, SampleType::U16(order)), None, &row, 0..1 << 16);
        assert!(
            found
                .iter()
                .zip(exact.iter().flat_map(|&tone| [tone, tone, tone, 255]))
                .all(|(one, other)| *one == other)
        );
    }
    for (bits, row, tones) in [
        (1, vec![0b0110_0000], vec![0, 255, 255, 0]),
        (2, vec![0b0001_1011], vec![0, 85, 170, 255]),
        (4, vec![0x0f, 0x3a], vec![0, 255, 51, 170]),
    ] {
        for from in 0..3 {
            let found =
                converted(layout(Channels::Gray, SampleType::Bits(bits)), None, &row, from..4);
            let grays: Vec<u8> = found.iter().copied().step_by(4).collect();
            assert_eq!(grays, tones[from as usize..], "{bits} bits");
        }
    }
}

#[test]
fn maps_a_range_linearly_and_clamps() {
    let gray = |sample: SampleType, range, row: &[u8]| {
        let count = (row.len() * 8 / sample.bits()) as u32;
        converted(layout(Channels::Gray, sample), Some(range), row, 0..count)
            .into_iter()
            .step_by(4)
            .collect::<Vec<_>>()
    };
    let little = ByteOrder::LittleEndian;
    let row: Vec<u8> = [0_u16, 100, 2147, 4095, 4096, u16::MAX]
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    // 2047 / 3995 · 255 = 130.66.
    assert_eq!(gray(SampleType::U16(little), (100.0, 4095.0), &row), [0, 0, 131, 255, 255, 255]);
    let row: Vec<u8> =
        [-1000_i16, -1, 0, 1000, i16::MAX].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(gray(SampleType::I16(little), (-1000.0, 1000.0), &row), [0, 127, 128, 255, 255]);
    let values = [f64::NEG_INFINITY, -0.1, 0.0, 0.25, 0.5, 1.0, 1.1, f64::INFINITY, f64::NAN];
    let single: Vec<u8> = values.iter().flat_map(|&value| (value as f32).to_be_bytes()).collect();
    let double: Vec<u8> = values.iter().flat_map(|value| value.to_be_bytes()).collect();
    let expected = [0, 0, 0, 64, 128, 255, 255, 255, 0];
    assert_eq!(gray(SampleType::F32(ByteOrder::BigEndian), (0.0, 1.0), &single), expected);
    assert_eq!(gray(SampleType::F64(ByteOrder::BigEndian), (0.0, 1.0), &double), expected);
    assert_eq!(gray(SampleType::U8, (10.0, 20.0), &[0, 10, 15, 20, 255]), [0, 0, 128, 255, 255]);
    let row: Vec<u8> =
        [0_u32, 1 << 31, u32::MAX].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(gray(SampleType::U32(little), (0.0, 4_294_967_295.0), &row), [0, 128, 255]);
}

#[test]
fn requires_a_range_for_other_samples() {
    let order = ByteOrder::LittleEndian;
    for sample in [
        SampleType::U32(order),
        SampleType::I16(order),
        SampleType::F32(order),
        SampleType::F64(order),
    ] {
        assert!(Conversion::new(layout(Channels::Gray, sample), None).is_err(), "{sample:?}");
    }
    for (black, white) in
        [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (f64::MIN, f64::MAX)]
    {
        assert_eq!(SampleRange::new(black, white), None);
    }
}

#[test]
fn converts_every_kind_of_pixel() {
    let bytes = [10, 20, 30, 255, 40, 50, 60, 0, 200, 100, 50, 128];
    let straight =
        converted(layout(Channels::Rgba(Alpha::Straight), SampleType::U8), None, &bytes, 0..3);
    assert_eq!(straight, [30, 20, 10, 255, 0, 0, 0, 0, 25, 50, 100, 128]);
    let multiplied =
        converted(layout(Channels::Rgba(Alpha::Premultiplied), SampleType::U8), None, &bytes, 1..3);
    assert_eq!(multiplied, [0, 0, 0, 0, 50, 100, 128, 128]);
    let gray = converted(
        layout(Channels::GrayAlpha(Alpha::Straight), SampleType::U8),
        None,
        &[7, 255, 9, 0],
        0..2,
    );
    assert_eq!(gray, [7, 7, 7, 255, 0, 0, 0, 0]);
    let rgb = converted(layout(Channels::Rgb, SampleType::U8), None, &bytes, 1..3);
    assert_eq!(rgb, [50, 40, 255, 255, 200, 0, 60, 255]);
    // 0, 0, 0, 0 is white, full black is black, and partial black scales the other channels.
    let inks = [0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0, 255, 0, 51];
    let cmyk = converted(layout(Channels::Cmyk, SampleType::U8), None, &inks, 0..4);
    assert_eq!(cmyk, [255, 255, 255, 255, 0, 0, 0, 255, 255, 255, 0, 255, 204, 0, 204, 255]);
    let key = SampleLayout { clear: Some([10, 20, 30]), ..layout(Channels::Rgb, SampleType::U8) };
    assert_eq!(
        converted(key, None, &[10, 20, 30, 10, 20, 31], 0..2),
        [0, 0, 0, 0, 31, 20, 10, 255]
    );
    let key =
        SampleLayout { clear: Some([3, 0, 0]), ..layout(Channels::Gray, SampleType::Bits(2)) };
    assert_eq!(converted(key, None, &[0b1110_0000], 0..2), [0, 0, 0, 0, 170, 170, 170, 255]);
    let more = SampleLayout { ignored: 2, ..layout(Channels::Gray, SampleType::U8) };
    assert_eq!(converted(more, None, &[1, 90, 91, 2, 92, 93], 0..2), [1, 1, 1, 255, 2, 2, 2, 255]);
    let white = SampleLayout { inverted: true, ..layout(Channels::Gray, SampleType::Bits(1)) };
    assert_eq!(converted(white, None, &[0x40], 0..2), [255, 255, 255, 255, 0, 0, 0, 255]);
    let sixteen: Vec<u8> =
        [65535_u16, 0, 32768, 32768].iter().flat_map(|value| value.to_be_bytes()).collect();
    let order = ByteOrder::BigEndian;
    let found = converted(
        layout(Channels::Rgba(Alpha::Straight), SampleType::U16(order)),
        None,
        &sixteen,
        0..1,
    );
    assert_eq!(found, [64, 0, 128, 128]);
}

#[test]
fn rejects_an_index_beyond_the_palette() {
    let colors: Arc<[[u8; 4]]> = [[1, 2, 3, 255], [200, 100, 50, 128], [9, 9, 9, 0]].into();
    let palette = layout(Channels::Palette(colors), SampleType::Bits(2));
    assert_eq!(
        converted(palette.clone(), None, &[0b0001_1000], 0..3),
        [3, 2, 1, 255, 25, 50, 100, 128, 0, 0, 0, 0]
    );
    let conversion = Conversion::new(palette, None).unwrap();
    assert!(!conversion.is_opaque());
    let error = conversion.convert(&[0b1100_0000], 0..1, &mut [0; 4]).unwrap_err();
    assert_eq!(error.to_string(), "a pixel has color index 3, but the palette ends at 2");
}
