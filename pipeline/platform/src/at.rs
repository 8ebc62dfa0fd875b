//! Reading and writing a file at a place, from several threads at a time.
//!
//! On Windows these calls move the position of the file too. So a file that is read here is not also read by its position.

use std::fs::File;
use std::io;

#[cfg(unix)]
use std::os::unix::fs::FileExt;
#[cfg(windows)]
use std::os::windows::fs::FileExt;

/// Reads some bytes from a place on; 0 at the end of the file.
///
/// # Errors
/// What the system says.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return file.read_at(buffer, offset);
    #[cfg(windows)]
    return file.seek_read(buffer, offset);
}

/// Fills the buffer from a place on.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] when the file ends before; what the system says.
pub fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return file.read_exact_at(buffer, offset);
    #[cfg(windows)]
    {
        let (mut rest, mut offset) = (buffer, offset);
        while !rest.is_empty() {
            match file.seek_read(rest, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    rest = &mut rest[n..];
                    offset += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Writes all bytes from a place on.
///
/// # Errors
/// What the system says.
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    return file.write_all_at(bytes, offset);
    #[cfg(windows)]
    {
        let (mut rest, mut offset) = (bytes, offset);
        while !rest.is_empty() {
            match file.seek_write(rest, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    rest = &rest[n..];
                    offset += n as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_and_read_wherever_one_says() {
        let file = tempfile::tempfile().unwrap();
        write_all_at(&file, b"later", 5).unwrap();
        write_all_at(&file, b"first", 0).unwrap();
        let mut four = [0; 4];
        read_exact_at(&file, &mut four, 3).unwrap();
        assert_eq!(&four, b"stla");
        assert_eq!(read_at(&file, &mut four, 8).unwrap(), 2);
        assert_eq!(&four[..2], b"er");
        assert_eq!(read_at(&file, &mut four, 10).unwrap(), 0);
        assert_eq!(read_exact_at(&file, &mut four, 8).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
