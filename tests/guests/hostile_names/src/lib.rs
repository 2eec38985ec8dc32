//! Traps in a function whose name, of 100 KB, stands for gigabytes: each of its lines is 13 bytes of a mangled name
//! that Rust's demangler makes a megabyte of, or one of a few hundred bytes that C++'s makes 32 MB of. With the
//! setting `describe`, it already traps in `describe`.

wit_bindgen::generate!({ path: "../../../wit", world: "described-loader" });

use kiwi::loader::settings;

struct Component;

impl Guest for Component {
    fn load_from_source() -> Result<Vec<Entry>, LoadError> {
        trap();
        Ok(Vec::new())
    }

    fn describe() -> Description {
        if settings::get().contains("describe") {
            trap();
        }
        Description {
            name: "hostile-names".into(),
            version: "0.1.0".into(),
            summary: "Traps.".into(),
            reload_ttl: None,
            cache_ttl: None,
            settings: Vec::new(),
            grants: Vec::new(),
        }
    }
}

macro_rules! twice {
    ($text:expr) => {
        concat!($text, $text)
    };
}

macro_rules! times_16 {
    ($text:expr) => {
        twice!(twice!(twice!(twice!($text))))
    };
}

/// One line, which a demangler takes for a whole name.
macro_rules! of_rust {
    () => {
        "_RMC0FGZZZ_Eu\n"
    };
}

macro_rules! of_cpp {
    () => {
        "_Z1fI1aSt4pairIS_S_ES1_IS0_S0_ES1_IS2_S2_ES1_IS3_S3_ES1_IS4_S4_ES1_IS5_S5_ES1_IS6_S6_ES1_IS7_S7_EEvT8_\n"
    };
}

#[inline(never)]
#[unsafe(export_name = concat!(of_cpp!(), times_16!(times_16!(times_16!(of_rust!())))))]
extern "C" fn trap() {
    std::process::abort()
}

export!(Component);
