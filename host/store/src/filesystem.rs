//! Which file systems are on another machine.
//!
//! Processes that share a file's memory, or lock it, rely on the same kernel: over a network neither works, and the data is
//! damaged without an error. So the embedded store and copies on disk refuse these.

use std::io;
use std::path::Path;

/// The name of the network file system that a directory is on, if it is on one.
///
/// # Errors
/// The directory cannot be read.
#[cfg(target_os = "linux")]
pub fn network_filesystem(dir: &Path) -> io::Result<Option<&'static str>> {
    // The cast keeps the low 32 bits, which have the number on every platform.
    let magic = rustix::fs::statfs(dir)?.f_type as u32;
    if magic == FUSE {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo")?;
        return Ok(mount_type(&mounts, dir).as_deref().and_then(network_fuse));
    }
    Ok(network_magic(magic))
}

/// Elsewhere this is not known: it is left to the operator.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn network_filesystem(_: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

#[cfg(target_os = "linux")]
const FUSE: u32 = 0x6573_5546;

/// By the number that `statfs` gives (linux/magic.h, and the file systems' own sources).
#[cfg(target_os = "linux")]
fn network_magic(magic: u32) -> Option<&'static str> {
    Some(match magic {
        0x6969 => "NFS",
        0x517b => "SMB",
        0xff53_4d42 => "CIFS",
        0xfe53_4d42 => "SMB2",
        0x0102_1997 => "9p",
        0x5346_414f | 0x6b41_4653 => "AFS",
        0x7375_7245 => "Coda",
        0x564c => "NCP",
        0x00c3_6400 => "Ceph",
        0x0bd0_0bd0 => "Lustre",
        0x1983_0326 => "BeeGFS",
        0x4750_4653 => "GPFS",
        0x0116_1970 => "GFS2",
        0x7461_636f => "OCFS2",
        _ => return None,
    })
}

/// By the type in the mount table, `fuse.NAME`: all of FUSE has one number, and many of its file systems
/// are local.
#[cfg(target_os = "linux")]
fn network_fuse(mount_type: &str) -> Option<&'static str> {
    Some(match mount_type.strip_prefix("fuse.")? {
        "sshfs" => "sshfs",
        "glusterfs" => "GlusterFS",
        "ceph-fuse" => "Ceph",
        "s3fs" => "s3fs",
        "goofys" => "goofys",
        "mountpoint-s3" => "Mountpoint for S3",
        "gcsfuse" => "gcsfuse",
        "blobfuse" | "blobfuse2" => "blobfuse",
        "rclone" => "rclone",
        "juicefs" | "JuiceFS" => "JuiceFS",
        "mfs" | "moosefs" => "MooseFS",
        "davfs" | "davfs2" => "WebDAV",
        "curlftpfs" => "curlftpfs",
        "smbnetfs" => "smbnetfs",
        _ => return None,
    })
}

/// The type of the mount that a directory is on, from the text of `/proc/self/mountinfo`.
#[cfg(target_os = "linux")]
fn mount_type(mounts: &str, dir: &Path) -> Option<String> {
    let parsed = mounts.lines().filter_map(|line| {
        let (mount, filesystem) = line.split_once(" - ")?;
        // A space in a path is written as \040.
        let point = mount.split(' ').nth(4)?.replace("\\040", " ");
        Some((point, filesystem.split(' ').next()?))
    });
    // Of two mounts at one point the later one is on top, and `max_by_key` gives the last.
    let above = parsed.filter(|(point, _)| dir.starts_with(point));
    above.max_by_key(|(point, _)| point.len()).map(|(_, mount_type)| mount_type.to_owned())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        for (magic, name) in [(0x6969, "NFS"), (0xff53_4d42, "CIFS"), (0xfe53_4d42, "SMB2"), (0x0102_1997, "9p")] {
            assert_eq!(network_magic(magic), Some(name));
        }
        // ext4, tmpfs, xfs, btrfs, overlayfs, zfs.
        for magic in [0xef53, 0x0102_1994, 0x5846_5342, 0x9123_683e, 0x794c_7630, 0x2fc1_2fc1] {
            assert_eq!(network_magic(magic), None, "{magic:x}");
        }
        assert_eq!(network_fuse("fuse.sshfs"), Some("sshfs"));
        for local in ["fuse.gocryptfs", "fuseblk", "fuse", "virtiofs"] {
            assert_eq!(network_fuse(local), None, "{local}");
        }
    }

    #[test]
    fn the_mount_of_a_directory_is_the_innermost_and_topmost() {
        let mounts = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:40 / /mnt/my\\040share rw,nosuid - fuse.sshfs host:/ rw,user_id=0
41 22 0:41 / /srv rw - ext4 /dev/sdb1 rw
42 22 0:42 / /srv rw - fuse.rclone remote: rw
43 22 0:43 / /srvother rw - fuse.s3fs bucket rw
";
        let on = |dir: &str| mount_type(mounts, Path::new(dir));
        assert_eq!(on("/mnt/my share/kiwi").as_deref(), Some("fuse.sshfs"));
        assert_eq!(on("/mnt/my").as_deref(), Some("ext4"));
        assert_eq!(on("/srv/kiwi").as_deref(), Some("fuse.rclone"));
        assert_eq!(mount_type("", Path::new("/")), None);
    }

    #[test]
    fn the_directory_for_temporary_files_is_local() {
        assert_eq!(network_filesystem(&std::env::temp_dir()).unwrap(), None);
    }
}
