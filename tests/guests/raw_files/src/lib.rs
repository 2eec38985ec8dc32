//! Tries to get at each of `paths` through every directory that it begins with, by every call of `wasi:filesystem` that
//! takes a path. The result of each call that was not refused is an entry, and so is the number of those that were.

use kiwi_loader::Error;
use serde::Deserialize;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{
    Descriptor, DescriptorFlags, DescriptorType, ErrorCode, NewTimestamp, OpenFlags, PathFlags,
};

#[derive(Deserialize)]
struct Settings {
    paths: Vec<String>,
}

fn load_from_source(settings: Settings) -> Result<Vec<(String, String)>, Error> {
    let (mut entries, mut refused) = (Vec::new(), 0);
    for (directory, name) in get_directories() {
        entries.push((format!("begins with {name}"), String::new()));
        for path in &settings.paths {
            for (call, outcome) in calls(&directory, path) {
                match outcome {
                    Ok(done) => entries.push((format!("{name}: {call} {path}"), done)),
                    Err(_) => refused += 1,
                }
            }
        }
    }
    entries.push(("refused".to_owned(), refused.to_string()));
    Ok(entries)
}

type Outcome = Result<String, ErrorCode>;

fn calls(directory: &Descriptor, path: &str) -> Vec<(&'static str, Outcome)> {
    let (follow, stay) = (PathFlags::SYMLINK_FOLLOW, PathFlags::empty());
    let done = |result: Result<(), ErrorCode>| result.map(|()| "done".to_owned());
    vec![
        ("open", open(directory, path, follow, OpenFlags::empty())),
        ("open-nofollow", open(directory, path, stay, OpenFlags::empty())),
        ("open-directory", open(directory, path, follow, OpenFlags::DIRECTORY)),
        ("create", open(directory, path, follow, OpenFlags::CREATE)),
        ("truncate", open(directory, path, follow, OpenFlags::TRUNCATE)),
        ("write", write(directory, path)),
        ("stat", directory.stat_at(follow, path).map(|stat| kind(stat.type_))),
        ("stat-nofollow", directory.stat_at(stay, path).map(|stat| kind(stat.type_))),
        ("readlink", directory.readlink_at(path)),
        ("link", done(directory.link_at(stay, path, directory, "linked"))),
        ("symlink", done(directory.symlink_at(path, "linked"))),
        ("rename", done(directory.rename_at(path, directory, "renamed"))),
        ("unlink", done(directory.unlink_file_at(path))),
        ("rmdir", done(directory.remove_directory_at(path))),
        ("mkdir", done(directory.create_directory_at(path))),
        ("touch", done(directory.set_times_at(follow, path, NewTimestamp::Now, NewTimestamp::Now))),
    ]
}

/// What can be read of it: the bytes of a file, the names in a directory.
fn open(directory: &Descriptor, path: &str, path_flags: PathFlags, open_flags: OpenFlags) -> Outcome {
    let opened = directory.open_at(path_flags, path, open_flags, DescriptorFlags::READ)?;
    if opened.get_type()? != DescriptorType::Directory {
        let (bytes, _) = opened.read(1024, 0)?;
        return Ok(String::from_utf8_lossy(&bytes).into_owned());
    }
    let (stream, mut names) = (opened.read_directory()?, Vec::new());
    while let Some(entry) = stream.read_directory_entry()? {
        names.push(entry.name);
    }
    names.sort();
    Ok(format!("{names:?}"))
}

fn write(directory: &Descriptor, path: &str) -> Outcome {
    let flags = DescriptorFlags::READ | DescriptorFlags::WRITE;
    let opened = directory.open_at(PathFlags::SYMLINK_FOLLOW, path, OpenFlags::empty(), flags)?;
    opened.write(b"written by a guest", 0).map(|bytes| format!("{bytes} bytes"))
}

fn kind(kind: DescriptorType) -> String {
    format!("{kind:?}")
}

kiwi_loader::loader!(load_from_source);
