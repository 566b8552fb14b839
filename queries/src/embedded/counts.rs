//! What a statement read and wrote, for the summary header.

/// What a statement read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) rows_read: u64,
    pub(crate) bytes_read: u64,
    pub(crate) rows_written: u64,
    pub(crate) bytes_written: u64,
    pub(crate) rows_result: u64,
    pub(crate) elapsed_seconds: f64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.rows_read = self.rows_read.saturating_add(other.rows_read);
        self.bytes_read = self.bytes_read.saturating_add(other.bytes_read);
        self.rows_written = self.rows_written.saturating_add(other.rows_written);
        self.bytes_written = self.bytes_written.saturating_add(other.bytes_written);
        self.rows_result = self.rows_result.saturating_add(other.rows_result);
        self.elapsed_seconds += other.elapsed_seconds;
    }
}
