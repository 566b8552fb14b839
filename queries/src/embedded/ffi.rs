//! libchdb behind safe types: the only module of the project with `unsafe`.
//!
//! The library is loaded at run time and never unloaded: it leaves threads behind that would run
//! into unmapped code. There is no header in the package; the signatures are those of `chdb.h` of
//! chdb-core 26.7.
//!
//! What the safe types uphold:
//! - a [`Connection`] runs one statement at a time (`&mut self`), from whichever thread owns it;
//! - a stream borrows its connection, so that nothing else can run while it is open;
//! - every result, stream and connection is released exactly once;
//! - signal handlers are switched off before the first connection, else the engine takes SIGSEGV
//!   and others away from the process.

#![expect(unsafe_code, reason = "libchdb is a C library")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::OnceLock;

use crate::Error;
use crate::embedded::counts::Counts;
use crate::embedded::failure::Failure;

type RawConnection = *mut c_void;
type RawResult = *mut c_void;
type RawInsert = *mut c_void;

/// Defines the table of function pointers and how it is filled.
macro_rules! api {
    ($($name:ident : fn($($argument:ty),*) $(-> $output:ty)?;)*) => {
        /// The functions of libchdb that are used.
        pub(crate) struct Api { $($name: unsafe extern "C" fn($($argument),*) $(-> $output)?,)* }

        impl Api {
            fn from_library(library: &libloading::Library) -> Result<Self, libloading::Error> {
                // SAFETY: the types are those of chdb.h; the symbols outlive `Api`, because the
                // library is never unloaded.
                unsafe { Ok(Self { $($name: *library.get(concat!(stringify!($name), "\0").as_bytes())?,)* }) }
            }
        }
    };
}

api! {
    chdb_version: fn() -> *const c_char;
    chdb_set_signal_handlers_enabled: fn(c_int);
    chdb_connect: fn(c_int, *const *const c_char) -> *mut RawConnection;
    chdb_close_conn: fn(*mut RawConnection);
    chdb_shutdown: fn() -> c_int;
    chdb_classify_query_n: fn(RawConnection, *const c_char, usize, *const c_char, usize, *mut Analysis) -> c_int;
    chdb_query_with_params_n: fn(RawConnection, *const c_char, usize, *const c_char, usize, *const *const c_char, *const usize, *const *const c_char, *const usize, usize) -> RawResult;
    chdb_stream_query_with_params_n: fn(RawConnection, *const c_char, usize, *const c_char, usize, *const *const c_char, *const usize, *const *const c_char, *const usize, usize) -> RawResult;
    chdb_stream_fetch_result: fn(RawConnection, RawResult) -> RawResult;
    chdb_stream_cancel_query: fn(RawConnection, RawResult);
    chdb_stream_insert_with_params_n: fn(RawConnection, *const c_char, usize, *const c_char, usize, *const *const c_char, *const usize, *const *const c_char, *const usize, usize) -> RawInsert;
    chdb_stream_append: fn(RawInsert, *const c_void, usize) -> c_int;
    chdb_stream_done: fn(RawInsert) -> RawResult;
    chdb_stream_insert_error: fn(RawInsert) -> *const c_char;
    chdb_destroy_insert_stream: fn(RawInsert);
    chdb_destroy_query_result: fn(RawResult);
    chdb_result_buffer: fn(RawResult) -> *const u8;
    chdb_result_length: fn(RawResult) -> usize;
    chdb_result_error: fn(RawResult) -> *const c_char;
    chdb_result_elapsed: fn(RawResult) -> f64;
    chdb_result_rows_read: fn(RawResult) -> u64;
    chdb_result_storage_rows_read: fn(RawResult) -> u64;
    chdb_result_storage_bytes_read: fn(RawResult) -> u64;
    chdb_result_rows_written: fn(RawResult) -> u64;
    chdb_result_bytes_written: fn(RawResult) -> u64;
}

/// `chdb_query_analysis_v1`.
#[repr(C)]
struct Analysis {
    struct_size: u32,
    statement_count: u32,
    flags: u32,
    query_class: u32,
}

/// What a text would do, by the engine's own parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StatementClass {
    /// How many statements the text holds.
    pub(crate) count: u32,
    /// True for SELECT, SHOW, DESCRIBE, EXPLAIN, EXISTS and CHECK that write nowhere.
    pub(crate) is_read_only: bool,
}

static LOADED: OnceLock<(PathBuf, Api)> = OnceLock::new();

impl Api {
    /// Loads libchdb, once per process.
    pub(crate) fn load(path: &Path) -> Result<&'static Self, Error> {
        if let Some((_, api)) = LOADED.get() {
            return Ok(api);
        }
        let failed = |source| Error::EngineLibrary {
            path: path.to_owned(),
            source,
        };
        // SAFETY: the initialisers of libchdb set up its allocator and nothing that depends on us.
        let library = unsafe { libloading::Library::new(path) }.map_err(failed)?;
        let api = Self::from_library(&library).map_err(failed)?;
        std::mem::forget(library);
        let (_, api) = LOADED.get_or_init(|| (path.to_owned(), api));
        // SAFETY: a plain flag; no connection exists yet.
        unsafe { (api.chdb_set_signal_handlers_enabled)(0) };
        Ok(api)
    }

    /// Returns the version of the library, `26.7.3`.
    pub(crate) fn version(&self) -> String {
        // SAFETY: a static, NUL-terminated string.
        unsafe { text((self.chdb_version)()) }.unwrap_or_default()
    }

    /// Stops all engine threads. False when a connection is still open. Final for this process.
    pub(crate) fn shutdown(&self) -> bool {
        // SAFETY: may be called at any time from any thread.
        unsafe { (self.chdb_shutdown)() == 0 }
    }
}

/// Runs `hook` when the process exits by returning from `main` or `std::process::exit`.
pub(crate) fn at_exit(hook: extern "C" fn()) {
    unsafe extern "C" {
        fn atexit(hook: extern "C" fn()) -> c_int;
    }
    // SAFETY: `hook` is a function of this program and takes nothing.
    let _registered = unsafe { atexit(hook) };
}

/// A session with the engine.
pub(crate) struct Connection {
    api: &'static Api,
    pointer: *mut RawConnection,
}

// SAFETY: the engine allows a connection to be used from any thread, one statement at a time, which
// `&mut self` enforces. It is not `Sync`.
unsafe impl Send for Connection {}

impl Connection {
    /// Opens a session; the first one starts the engine on the directory that `arguments` name.
    ///
    /// `None` when the engine refuses; it then says why on stderr.
    pub(crate) fn open(api: &'static Api, arguments: &[CString]) -> Option<Self> {
        let pointers: Vec<*const c_char> =
            arguments.iter().map(|argument| argument.as_ptr()).collect();
        let count = c_int::try_from(pointers.len()).ok()?;
        // SAFETY: `count` NUL-terminated strings that live until the call returns.
        let pointer = unsafe { (api.chdb_connect)(count, pointers.as_ptr()) };
        (!pointer.is_null()).then_some(Self { api, pointer })
    }

    fn raw(&self) -> RawConnection {
        // SAFETY: `pointer` is valid until `chdb_close_conn`.
        unsafe { *self.pointer }
    }

    /// Parses `sql` without running it.
    pub(crate) fn classify(&mut self, sql: &[u8]) -> Option<StatementClass> {
        const READ_ONLY: u32 = 0;
        let size = u32::try_from(size_of::<Analysis>()).ok()?;
        let mut analysis = Analysis {
            struct_size: size,
            statement_count: 0,
            flags: 0,
            query_class: u32::MAX,
        };
        // SAFETY: pointers and lengths belong together; `analysis` is writable and states its size.
        let state = unsafe {
            (self.api.chdb_classify_query_n)(
                self.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                ptr::null(),
                0,
                &raw mut analysis,
            )
        };
        (state == 0).then_some(StatementClass {
            count: analysis.statement_count,
            is_read_only: analysis.query_class == READ_ONLY,
        })
    }

    /// Runs a statement and keeps its whole output.
    pub(crate) fn query(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &Parameters,
    ) -> Result<Answer, Failure> {
        let bound = parameters.bind();
        // SAFETY: pointers and lengths belong together and live until the call returns.
        let result = unsafe {
            (self.api.chdb_query_with_params_n)(
                self.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                bound.names.as_ptr(),
                bound.name_lengths.as_ptr(),
                bound.values.as_ptr(),
                bound.value_lengths.as_ptr(),
                bound.names.len(),
            )
        };
        Answer::new(self.api, result)
    }

    /// Starts a statement whose output is fetched piece by piece.
    pub(crate) fn stream(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &Parameters,
    ) -> Result<ResultStream<'_>, Failure> {
        let bound = parameters.bind();
        // SAFETY: as in `query`; the engine copies the parameters before it returns.
        let result = unsafe {
            (self.api.chdb_stream_query_with_params_n)(
                self.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                bound.names.as_ptr(),
                bound.name_lengths.as_ptr(),
                bound.values.as_ptr(),
                bound.value_lengths.as_ptr(),
                bound.names.len(),
            )
        };
        let head = Answer::new(self.api, result)?;
        Ok(ResultStream {
            head,
            ended: false,
            connection: self,
        })
    }

    /// Starts an insert; `sql` is `INSERT INTO t (columns)` **without** `FORMAT` (with it, the engine
    /// takes the rest of the statement for data).
    pub(crate) fn insert(
        &mut self,
        sql: &[u8],
        format: &str,
        parameters: &Parameters,
    ) -> Result<InsertStream<'_>, Failure> {
        let bound = parameters.bind();
        // SAFETY: as in `stream`.
        let stream = unsafe {
            (self.api.chdb_stream_insert_with_params_n)(
                self.raw(),
                sql.as_ptr().cast(),
                sql.len(),
                format.as_ptr().cast(),
                format.len(),
                bound.names.as_ptr(),
                bound.name_lengths.as_ptr(),
                bound.values.as_ptr(),
                bound.value_lengths.as_ptr(),
                bound.names.len(),
            )
        };
        let stream = InsertStream {
            api: self.api,
            stream,
            connection: PhantomData,
        };
        stream.check()?;
        Ok(stream)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // SAFETY: opened by `chdb_connect`, closed once; streams borrow it and are gone.
        unsafe { (self.api.chdb_close_conn)(self.pointer) };
    }
}

/// Named values for `{name:Type}` in a statement, in ClickHouse's escaped text form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parameters(pub(crate) Vec<(String, String)>);

struct Bound {
    names: Vec<*const c_char>,
    name_lengths: Vec<usize>,
    values: Vec<*const c_char>,
    value_lengths: Vec<usize>,
}

impl Parameters {
    fn bind(&self) -> Bound {
        Bound {
            names: self
                .0
                .iter()
                .map(|(name, _)| name.as_ptr().cast())
                .collect(),
            name_lengths: self.0.iter().map(|(name, _)| name.len()).collect(),
            values: self
                .0
                .iter()
                .map(|(_, value)| value.as_ptr().cast())
                .collect(),
            value_lengths: self.0.iter().map(|(_, value)| value.len()).collect(),
        }
    }
}

/// A result that is no error.
pub(crate) struct Answer {
    api: &'static Api,
    result: RawResult,
}

impl Answer {
    fn new(api: &'static Api, result: RawResult) -> Result<Self, Failure> {
        if result.is_null() {
            return Err(Failure::from_engine(
                "Code: 49. DB::Exception: the engine gave no result. (LOGICAL_ERROR)",
            ));
        }
        let answer = Self { api, result };
        // SAFETY: a valid result; the text lives as long as it does and is copied.
        match unsafe { text((api.chdb_result_error)(result)) } {
            Some(message) => Err(Failure::from_engine(&message)),
            None => Ok(answer),
        }
    }

    /// The output.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: buffer and length describe memory that lives as long as the result.
        unsafe {
            let (buffer, length) = (
                (self.api.chdb_result_buffer)(self.result),
                (self.api.chdb_result_length)(self.result),
            );
            if buffer.is_null() || length == 0 {
                &[]
            } else {
                std::slice::from_raw_parts(buffer, length)
            }
        }
    }

    /// What the statement read and wrote.
    pub(crate) fn counts(&self) -> Counts {
        // SAFETY: a valid result.
        unsafe {
            Counts {
                rows_read: (self.api.chdb_result_storage_rows_read)(self.result),
                bytes_read: (self.api.chdb_result_storage_bytes_read)(self.result),
                rows_written: (self.api.chdb_result_rows_written)(self.result),
                bytes_written: (self.api.chdb_result_bytes_written)(self.result),
                rows_result: (self.api.chdb_result_rows_read)(self.result),
                elapsed_seconds: (self.api.chdb_result_elapsed)(self.result),
            }
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: released once.
        unsafe { (self.api.chdb_destroy_query_result)(self.result) };
    }
}

/// A running statement. Dropped before its end, it is cancelled.
pub(crate) struct ResultStream<'a> {
    head: Answer,
    ended: bool,
    connection: &'a mut Connection,
}

impl ResultStream<'_> {
    /// Fetches the next piece; `None` at the end. Each piece is a whole document of the format, with
    /// its own header and footer.
    pub(crate) fn next_piece(&mut self) -> Result<Option<Answer>, Failure> {
        if self.ended {
            return Ok(None);
        }
        // SAFETY: connection and stream are open; calls are serialised by `&mut self`.
        let result = unsafe {
            (self.connection.api.chdb_stream_fetch_result)(self.connection.raw(), self.head.result)
        };
        let piece = Answer::new(self.connection.api, result).inspect_err(|_| self.ended = true)?;
        self.ended = piece.bytes().is_empty();
        Ok((!self.ended).then_some(piece))
    }
}

impl Drop for ResultStream<'_> {
    fn drop(&mut self) {
        if !self.ended {
            // SAFETY: connection and stream are open.
            unsafe {
                (self.connection.api.chdb_stream_cancel_query)(
                    self.connection.raw(),
                    self.head.result,
                );
            };
        }
    }
}

/// A running insert. Dropped before [`InsertStream::finish`], it is cancelled; blocks that the
/// engine had already written stay, as on any ClickHouse server.
pub(crate) struct InsertStream<'a> {
    api: &'static Api,
    stream: RawInsert,
    connection: PhantomData<&'a mut Connection>,
}

impl InsertStream<'_> {
    fn check(&self) -> Result<(), Failure> {
        // SAFETY: a valid stream; the text is copied.
        match unsafe { text((self.api.chdb_stream_insert_error)(self.stream)) } {
            Some(message) => Err(Failure::from_engine(&message)),
            None => Ok(()),
        }
    }

    /// Hands over a piece of data; blocks while the engine is behind.
    pub(crate) fn append(&mut self, data: &[u8]) -> Result<(), Failure> {
        // SAFETY: pointer and length belong together; the engine copies.
        let state =
            unsafe { (self.api.chdb_stream_append)(self.stream, data.as_ptr().cast(), data.len()) };
        if state == 0 {
            return Ok(());
        }
        // The reason is often known only at the end of the stream.
        self.check()?;
        // SAFETY: a valid stream.
        Answer::new(self.api, unsafe {
            (self.api.chdb_stream_done)(self.stream)
        })?;
        Err(Failure::from_engine(
            "Code: 49. DB::Exception: the engine refused a piece of data without a reason. (LOGICAL_ERROR)",
        ))
    }

    /// Ends the data and waits until the rows are stored.
    pub(crate) fn finish(self) -> Result<Counts, Failure> {
        // SAFETY: a valid stream that was not ended before.
        Answer::new(self.api, unsafe {
            (self.api.chdb_stream_done)(self.stream)
        })
        .map(|answer| answer.counts())
    }
}

impl Drop for InsertStream<'_> {
    fn drop(&mut self) {
        // SAFETY: released once; cancels what was not ended.
        unsafe { (self.api.chdb_destroy_insert_stream)(self.stream) };
    }
}

/// Copies a C string.
///
/// # Safety
/// `pointer` is null or points to a NUL-terminated string.
unsafe fn text(pointer: *const c_char) -> Option<String> {
    // SAFETY: promised by the caller.
    (!pointer.is_null()).then(|| {
        unsafe { CStr::from_ptr(pointer) }
            .to_string_lossy()
            .into_owned()
    })
}
