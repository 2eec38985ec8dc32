//! What stands between a reader and Redis: it can be away, and can let something happen before Redis hears a request.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A TCP proxy on a port of its own.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    is_away: bool,
    open: Vec<TcpStream>,
    waits: Option<Wait>,
}

struct Wait {
    text: Vec<u8>,
    then: Box<dyn FnOnce() + Send>,
}

impl Proxy {
    pub(crate) fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it has a port").port();
        let shared = Arc::new(Mutex::new(Shared::default()));
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(("127.0.0.1", target)) else { return };
                forward(near, far, &accepting);
            }
        });
        Self { port, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// While it is away, it closes each connection.
    pub(crate) fn set_away(&self, is_away: bool) {
        let mut shared = lock(&self.shared);
        shared.is_away = is_away;
        if is_away {
            shared.open.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        }
    }

    /// When a request has this text, something happens first, once.
    pub(crate) fn when(&self, text: &str, then: impl FnOnce() + Send + 'static) {
        lock(&self.shared).waits = Some(Wait { text: text.as_bytes().to_vec(), then: Box::new(then) });
    }

    /// Whether something was to happen that has not.
    pub(crate) fn reset(&self) -> bool {
        let mut shared = lock(&self.shared);
        shared.is_away = false;
        shared.waits.take().is_some()
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Forwards both ways in threads that end with the connection.
fn forward(near: TcpStream, far: TcpStream, shared: &Arc<Mutex<Shared>>) {
    let (Ok(near_out), Ok(far_out)) = (near.try_clone(), far.try_clone()) else { return };
    for stream in [&near, &far] {
        // Without it, the test waits; it does not fail.
        let _ = stream.set_nodelay(true);
    }
    {
        let mut shared = lock(shared);
        if shared.is_away {
            return;
        }
        shared.open.extend([near.try_clone(), far.try_clone()].into_iter().flatten());
    }
    let requests = Arc::clone(shared);
    std::thread::spawn(move || {
        copy(near, far_out, |request| {
            let wait = lock(&requests).waits.take_if(|wait| contains(request, &wait.text));
            if let Some(wait) = wait {
                (wait.then)();
            }
        })
    });
    std::thread::spawn(move || copy(far, near_out, |_| {}));
}

fn copy(mut from: TcpStream, mut to: TcpStream, mut before: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        before(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}
