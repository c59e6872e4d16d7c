//! What frames are written to: a socket that takes bytes and files without waiting. A stream that has to see the bytes (to
//! encrypt them) refuses files, and they are read for it.

use std::future::Future;
use std::io::{self, IoSlice};

use barnabas_common::vfs::VfsFile;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// The sending side of a connection. All calls return at once; a full socket is `WouldBlock`.
pub(crate) trait Stream {
    /// Sends some of the bytes; `more` says that others follow at once.
    fn try_send(&self, slices: &[IoSlice<'_>], more: bool) -> io::Result<usize>;

    /// Sends some bytes of a file; 0 if it ends there. `Unsupported` if they have to be read.
    fn try_send_file(&self, file: &dyn VfsFile, position: u64, len: usize) -> io::Result<usize>;

    /// Waits until it may be worth trying again.
    fn writable(&self) -> impl Future<Output = io::Result<()>> + Send;
}

impl Stream for TcpStream {
    fn try_send(&self, slices: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        match slices {
            _ if more => self.try_io(Interest::WRITABLE, || {
                let flags = SendFlags::MORE | SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
                Ok(sendmsg(self, slices, &mut SendAncillaryBuffer::default(), flags)?)
            }),
            [only] => self.try_write(only),
            several => self.try_write_vectored(several),
        }
    }

    fn try_send_file(&self, file: &dyn VfsFile, position: u64, len: usize) -> io::Result<usize> {
        let fd = file.fd().ok_or(io::ErrorKind::Unsupported)?;
        let mut from = position;
        self.try_io(Interest::WRITABLE, || Ok(rustix::fs::sendfile(self, fd, Some(&mut from), len)?))
    }

    fn writable(&self) -> impl Future<Output = io::Result<()>> + Send {
        TcpStream::writable(self)
    }
}
