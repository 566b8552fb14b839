//! ClickHouse's compressed blocks: CityHash128 of what follows, method, sizes, data.
//!
//! Layout of a block, little endian: checksum 16 bytes, method 1 byte (0x82 LZ4, 0x90 ZSTD, 0x02
//! none), size of the rest from the method byte on 4 bytes, size when decompressed 4 bytes, data.

use std::io::{self, Read};

use cityhash_rs::cityhash_102_128;

const CHECKSUM_BYTES: usize = 16;
const HEADER_BYTES: usize = 9;
const METHOD_NONE: u8 = 0x02;
const METHOD_LZ4: u8 = 0x82;
const METHOD_ZSTD: u8 = 0x90;
/// ClickHouse's own upper bound for one block is 1 GiB; clients send about 1 MiB.
const BLOCK_BYTES_MAX: usize = 128 << 20;
const BLOCK_BYTES: usize = 1 << 20;

fn checksum(header_and_data: &[u8]) -> [u8; CHECKSUM_BYTES] {
    // The two 64-bit halves stand low before high on the wire.
    cityhash_102_128(header_and_data)
        .rotate_right(64)
        .to_le_bytes()
}

/// Compresses `data` with LZ4 and appends it to `out`, block by block.
pub(crate) fn write_blocks(data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    for part in data.chunks(BLOCK_BYTES) {
        let compressed = lz4_flex::block::compress(part);
        let size = |bytes: usize| u32::try_from(bytes).map_err(io::Error::other);
        let mut block = Vec::with_capacity(HEADER_BYTES + compressed.len());
        block.push(METHOD_LZ4);
        block.extend_from_slice(&size(HEADER_BYTES + compressed.len())?.to_le_bytes());
        block.extend_from_slice(&size(part.len())?.to_le_bytes());
        block.extend_from_slice(&compressed);
        out.extend_from_slice(&checksum(&block));
        out.extend_from_slice(&block);
    }
    Ok(())
}

/// Reads blocks and gives their plain bytes.
pub(crate) struct BlockReader<R> {
    source: R,
    plain: io::Cursor<Vec<u8>>,
}

impl<R: Read> BlockReader<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            plain: io::Cursor::new(Vec::new()),
        }
    }

    /// Reads the next block; `None` at the end of the input.
    fn next_block(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut expected = [0; CHECKSUM_BYTES];
        match self.source.read(&mut expected)? {
            0 => return Ok(None),
            read => self
                .source
                .read_exact(expected.get_mut(read..).unwrap_or_default())?,
        }
        let mut header = [0; HEADER_BYTES];
        self.source.read_exact(&mut header)?;
        let [method, c0, c1, c2, c3, p0, p1, p2, p3] = header;
        let size =
            |bytes: [u8; 4]| usize::try_from(u32::from_le_bytes(bytes)).map_err(io::Error::other);
        let (block_size, plain_size) = (size([c0, c1, c2, c3])?, size([p0, p1, p2, p3])?);
        if !(HEADER_BYTES..=BLOCK_BYTES_MAX).contains(&block_size) || plain_size > BLOCK_BYTES_MAX {
            return Err(invalid("a compressed block states an impossible size"));
        }
        let mut block = header.to_vec();
        // Grows with what arrives: a header alone must not make us allocate what it claims.
        (&mut self.source)
            .take((block_size - HEADER_BYTES) as u64)
            .read_to_end(&mut block)?;
        if block.len() != block_size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if checksum(&block) != expected {
            return Err(invalid(
                "the checksum of a compressed block does not match: the data was changed on the way",
            ));
        }
        let data = block.get(HEADER_BYTES..).unwrap_or_default();
        let plain = match method {
            METHOD_NONE => data.to_vec(),
            METHOD_LZ4 => {
                lz4_flex::block::decompress(data, plain_size).map_err(io::Error::other)?
            }
            METHOD_ZSTD => zstd::bulk::decompress(data, plain_size)?,
            _ => {
                return Err(invalid(
                    "a compressed block uses a method other than none, LZ4 and ZSTD",
                ));
            }
        };
        if plain.len() != plain_size {
            return Err(invalid(
                "a compressed block does not have the size that it states",
            ));
        }
        Ok(Some(plain))
    }
}

impl<R: Read> Read for BlockReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.plain.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            match self.next_block()? {
                Some(plain) => self.plain = io::Cursor::new(plain),
                None => return Ok(0),
            }
        }
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_byte_is_noticed_wherever_it_is() {
        let mut good = Vec::new();
        write_blocks(b"the quick brown fox", &mut good).unwrap();
        for index in 0..good.len() {
            let mut bad = good.clone();
            bad[index] ^= 1;
            assert!(
                BlockReader::new(bad.as_slice())
                    .read_to_end(&mut Vec::new())
                    .is_err(),
                "byte {index}"
            );
        }
    }

    #[test]
    fn a_cut_block_is_an_error_not_an_end() {
        let mut good = Vec::new();
        write_blocks(b"the quick brown fox", &mut good).unwrap();
        for length in 1..good.len() {
            assert!(
                BlockReader::new(&good[..length])
                    .read_to_end(&mut Vec::new())
                    .is_err(),
                "{length} bytes"
            );
        }
    }
}
