//! examples/deploy: what is in the files goes together, and each command line in them works.

use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::redis_server::RedisServer;
use crate::support::{Running, WorkDir, eventually, repository};

/// The user of the image, which has no rights.
const USER: u64 = 65532;
const COMMAND: &str = "/usr/bin/kiwi-host";

fn file(name: &str) -> String {
    std::fs::read_to_string(repository().join("examples/deploy").join(name)).unwrap()
}

/// The arguments of the instructions of this name in the Dockerfile.
fn instructions(name: &str) -> Vec<String> {
    let text = file("Dockerfile").replace("\\\n", "");
    text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned).collect()
}

/// The documents of kubernetes.yaml, by their kinds.
struct Manifests(Vec<Value>);

impl Manifests {
    fn read() -> Self {
        Self(serde_saphyr::from_multiple(&file("kubernetes.yaml")).unwrap())
    }

    fn of_kind(&self, kind: &str) -> &Value {
        let of_kind: Vec<&Value> = self.0.iter().filter(|document| document["kind"] == kind).collect();
        assert_eq!(of_kind.len(), 1, "documents of the kind {kind}");
        of_kind[0]
    }

    fn pod(&self) -> &Value {
        &self.of_kind("Deployment")["spec"]["template"]["spec"]
    }
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

/// The command with the shipped plugins, and with the environment that the files give it.
fn command(workdir: &WorkDir, redis: &RedisServer, args: &[&str]) -> Command {
    let mut command = workdir.command(args);
    command.env("KIWI_PLUGINS", repository().join("plugins")).env("KIWI_STORE", redis.url());
    command.env("KIWI_CONFIG", workdir.path().join("kiwi.toml"));
    command
}

#[test]
fn the_pod_is_checked_runs_and_becomes_ready() {
    let manifests = Manifests::read();
    let config = manifests.of_kind("ConfigMap")["data"]["kiwi.toml"].as_str().unwrap();
    let (redis, workdir) = (RedisServer::start(), WorkDir::with(config));
    let pod = manifests.pod();
    let (check, host) = (&pod["initContainers"][0], &pod["containers"][0]);
    let probes: Vec<Vec<&str>> =
        ["startupProbe", "readinessProbe"].iter().map(|probe| words(&host[probe]["exec"]["command"])).collect();
    let is_ready = |probe: &[&str]| {
        assert_eq!(probe[0], COMMAND);
        command(&workdir, &redis, &probe[1..]).output().unwrap().status.code() == Some(0)
    };
    assert_eq!(command(&workdir, &redis, &words(&check["args"])).output().unwrap().status.code(), Some(0));
    assert!(probes.iter().all(|probe| !is_ready(probe)), "nothing is published yet");
    let running = Running::start(&mut command(&workdir, &redis, &words(&host["args"])));
    for probe in &probes {
        eventually("the pod is ready", || is_ready(probe).then_some(()));
    }
    running.signal(Signal::TERM);
    running.wait().expect(0);
    // A wrong configuration ends in the first container, before a host is started.
    workdir.file("kiwi.toml", &config.replace("\"currencies\"", "\"currency\""));
    assert_eq!(command(&workdir, &redis, &words(&check["args"])).output().unwrap().status.code(), Some(64));
}

#[test]
fn the_pod_and_the_image_go_together() {
    let manifests = Manifests::read();
    let (pod, deployment) = (manifests.pod(), manifests.of_kind("Deployment"));
    for document in &manifests.0 {
        assert!(document["apiVersion"].is_string() && document["metadata"]["name"] == "kiwi-host", "{document}");
    }
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], deployment["spec"]["template"]["metadata"]["labels"]);
    assert_eq!(instructions("ENTRYPOINT"), [format!("[\"{COMMAND}\"]")]);
    assert_eq!(serde_json::from_str::<Value>(&instructions("CMD")[0]).unwrap(), pod["containers"][0]["args"]);
    assert_eq!(instructions("USER"), [format!("{USER}:{USER}")]);
    assert_eq!(instructions("RUN").len(), 0, "nothing is built in the image");
    let [env] = &instructions("ENV")[..] else { panic!("one variable") };
    assert_eq!(pod["securityContext"]["runAsUser"], USER);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let secret = manifests.of_kind("Secret");
    assert!(secret["stringData"]["KIWI_STORE"].is_string());
    for container in [&pod["initContainers"][0], &pod["containers"][0]] {
        let context = &container["securityContext"];
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(words(&context["capabilities"]["drop"]), ["ALL"]);
        assert_eq!(container["envFrom"][0]["secretRef"]["name"], secret["metadata"]["name"]);
        let mounts = container["volumeMounts"].as_array().unwrap();
        let path =
            |name: &str| mounts.iter().find(|mount| mount["name"] == name).unwrap()["mountPath"].as_str().unwrap();
        assert_eq!(*env, format!("KIWI_CONFIG={}/kiwi.toml", path("config")));
        assert_eq!(path("tmp"), "/tmp");
        let image = format!("kiwi-host:{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(container["image"], image, "the version of this workspace");
    }
}

#[test]
fn the_unit_of_systemd_starts_a_host() {
    let unit = file("kiwi-host.service");
    let values = |key: &str| -> Vec<&str> {
        unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
    };
    let [line] = values("ExecStart")[..] else { panic!("one command line") };
    let redis = RedisServer::start();
    let workdir = WorkDir::with("[cache.currencies]\nplugin = \"currencies\"\n");
    let config = workdir.path().join("kiwi.toml");
    let line = line.replace("/etc/kiwi-host/kiwi.toml", config.to_str().unwrap());
    let (program, args) = line.split_once(' ').unwrap();
    assert_eq!(program, COMMAND);
    let args: Vec<&str> = args.split(' ').collect();
    let mut running = Running::start(command(&workdir, &redis, &args).env_remove("KIWI_CONFIG"));
    running.wait_for_log("published cache=currencies");
    running.signal(Signal::TERM);
    running.wait().expect(0);
    // The exit code after which systemd does not start it again.
    workdir.file("kiwi.toml", "[cache.currencies]\n");
    let invalid = command(&workdir, &redis, &args).output().unwrap().status.code().unwrap();
    assert_eq!(values("RestartPreventExitStatus"), [invalid.to_string()]);
}
