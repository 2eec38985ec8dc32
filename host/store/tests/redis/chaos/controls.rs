//! Controls: without any one of the things that keep maps right, a run finds wrong ones. So it would notice.

use std::process::Command;

/// A run in which one of these is set is a control.
pub(super) const VARIABLES: [&str; 2] = ["KIWI_CHAOS_READER", "KIWI_MUTATE_SCRIPTS"];

/// An environment variable that takes something away, and its value.
type Control = (&'static str, &'static str);

const CONTROLS: [Control; 4] = [
    // One more reader, which goes by the number of deltas and not by their ids.
    ("KIWI_CHAOS_READER", "by number"),
    // A step of the hash starts from whatever the hash shows.
    ("KIWI_MUTATE_SCRIPTS", "(current.view or '') ~= args.from=>false"),
    // A step of the hash ends also where its beginning was refused.
    ("KIWI_MUTATE_SCRIPTS", "call('HGET', meta, 'showing') ~= args.to=>false"),
    // A commit swaps in a staged hash of which entries were lost.
    ("KIWI_MUTATE_SCRIPTS", "call('HLEN', staging) == tonumber(args.entries)=>true"),
];

#[test]
fn without_what_keeps_maps_right_a_run_finds_wrong_ones() {
    for (variable, value) in CONTROLS {
        let mut run = Command::new(std::env::current_exe().unwrap());
        run.args(["--exact", "chaos::no_reader_ever_sees_a_map_that_was_not_published"]);
        let run = run.env_remove("KIWI_CHAOS_SECONDS").env(variable, value).output().unwrap();
        let said = String::from_utf8_lossy(&run.stdout);
        assert!(!run.status.success() && said.contains(" wrong, such as "), "{variable}={value}: {said}");
    }
}
