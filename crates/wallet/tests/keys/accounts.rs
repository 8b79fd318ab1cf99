//! Accounts: the vectors of BIP84 and BIP86, known addresses of BIP44, and borders.

use cairn_crypto::{PublicKey, SecretKey};
use cairn_params::{ChainSpec, presets};
use cairn_primitives::{ScriptKind, wif};
use cairn_wallet::{
    AccountError, AccountPublic, AccountSecret, Branch, ChildNumber, ChildNumberError, DeriveError,
    ExtendedPublic, ExtendedSecret, Mnemonic, Purpose, Seed,
};

use crate::common::{ABANDON, bytes};

/// Branch and index of the addresses the BIPs list.
const PLACES: [(Branch, u32); 3] = [(Branch::Receive, 0), (Branch::Receive, 1), (Branch::Change, 0)];

fn seed() -> Seed {
    Mnemonic::parse(ABANDON).unwrap().to_seed("")
}

fn account(purpose: Purpose, spec: &ChainSpec) -> AccountSecret {
    AccountSecret::derive(&seed(), purpose, 0, spec).unwrap()
}

fn address(account: &AccountPublic, branch: Branch, index: u32, spec: &ChainSpec) -> String {
    account.address(branch, index).unwrap().encode(&spec.address)
}

#[test]
fn bip84_vectors() {
    // The BIP writes its keys with the versions SLIP132 has for it, zpub and zprv.
    let mut spec = presets::bitcoin();
    spec.address.xprv = [0x04, 0xb2, 0x43, 0x0c];
    spec.address.xpub = [0x04, 0xb2, 0x47, 0x46];
    let root = "zprvAWgYBBk7JR8Gjrh4UJQ2uJdG1r3WNRRfURiABBE3RvMXYSrRJL62XuezvGdPvG6GFBZduosCc1YP5wixPox7zhZLfiUm8aunE96BBa4Kei5";
    assert_eq!(*ExtendedSecret::from_seed(&seed()).unwrap().encode(&spec.address), root);
    let secret = account(Purpose::Bip84, &spec);
    let xprv = "zprvAdG4iTXWBoARxkkzNpNh8r6Qag3irQB8PzEMkAFeTRXxHpbF9z4QgEvBRmfvqWvGp42t42nvgGpNgYSJA9iefm1yYNZKEm7z6qUWCroSQnE";
    assert_eq!(*secret.key().encode(&spec.address), xprv);
    let rows = [
        (
            "KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9d",
            "0330d54fd0dd420a6e5f8d3624f5f3482cae350f79d5f0753bf5beef9c2d91af3c",
            "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu",
        ),
        (
            "Kxpf5b8p3qX56DKEe5NqWbNUP9MnqoRFzZwHRtsFqhzuvUJsYZCy",
            "03e775fd51f0dfb8cd865d9ff1cca2a158cf651fe997fdc9fee9c1d3b5e995ea77",
            "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g",
        ),
        (
            "KxuoxufJL5csa1Wieb2kp29VNdn92Us8CoaUG3aGtPtcF3AzeXvF",
            "03025324888e429ab8e3dbaf1f7802648b9cd01e9b418485c5fa4c1b9b5700e1a6",
            "bc1q8c6fshw2dlwun7ekn9qwf37cu2rn755upcp6el",
        ),
    ];
    let public = secret.to_public().unwrap();
    for ((branch, index), (key, point, text)) in PLACES.into_iter().zip(rows) {
        let known = wif::WifKey::parse(key, &spec.address).unwrap();
        assert_eq!(*secret.secret_key(branch, index).unwrap().to_bytes(), *known.secret());
        assert_eq!(*secret.signing_key(branch, index).unwrap().to_bytes(), *known.secret());
        assert_eq!(public.public_key(branch, index).unwrap().to_compressed()[..], bytes(point));
        assert_eq!(public.script(branch, index).unwrap().kind(), ScriptKind::P2wpkh);
        assert_eq!(address(&public, branch, index, &spec), text);
    }
}

#[test]
fn bip86_vectors() {
    let spec = presets::bitcoin();
    let root = ExtendedSecret::from_seed(&seed()).unwrap();
    assert_eq!(
        *root.encode(&spec.address),
        "xprv9s21ZrQH143K3GJpoapnV8SFfukcVBSfeCficPSGfubmSFDxo1kuHnLisriDvSnRRuL2Qrg5ggqHKNVpxR86QEC8w35uxmGoggxtQTPvfUu"
    );
    let secret = account(Purpose::Bip86, &spec);
    let public = secret.to_public().unwrap();
    assert_eq!(
        *secret.key().encode(&spec.address),
        "xprv9xgqHN7yz9MwCkxsBPN5qetuNdQSUttZNKw1dcYTV4mkaAFiBVGQziHs3NRSWMkCzvgjEe3n9xV8oYywvM8at9yRqyaZVz6TYYhX98VjsUk"
    );
    assert_eq!(
        public.key().encode(&spec.address),
        "xpub6BgBgsespWvERF3LHQu6CnqdvfEvtMcQjYrcRzx53QJjSxarj2afYWcLteoGVky7D3UKDP9QyrLprQ3VCECoY49yfdDEHGCtMMj92pReUsQ"
    );
    let rows = [
        (
            "cc8a4bc64d897bddc5fbc2f670f7a8ba0b386779106cf1223c6fc5d7cd6fc115",
            "a60869f0dbcf1dc659c9cecbaf8050135ea9e8cdc487053f1dc6880949dc684c",
            "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
        ),
        (
            "83dfe85a3151d2517290da461fe2815591ef69f2b18a2ce63f01697a8b313145",
            "a82f29944d65b86ae6b5e5cc75e294ead6c59391a1edc5e016e3498c67fc7bbb",
            "bc1p4qhjn9zdvkux4e44uhx8tc55attvtyu358kutcqkudyccelu0was9fqzwh",
        ),
        (
            "399f1b2f4393f29a18c937859c5dd8a77350103157eb880f02e8c08214277cef",
            "882d74e5d0572d5a816cef0041a96b6c1de832f6f9676d9605c44d5e9a97d3dc",
            "bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7",
        ),
    ];
    for ((branch, index), (internal, output, text)) in PLACES.into_iter().zip(rows) {
        let (derived, _) = public.public_key(branch, index).unwrap().to_x_only();
        assert_eq!(derived.to_bytes()[..], bytes(internal));
        let script = public.script(branch, index).unwrap();
        assert_eq!(script.as_bytes()[..], [&[0x51, 0x20], &bytes(output)[..]].concat());
        assert_eq!(address(&public, branch, index, &spec), text);
        // The key that signs is the output key's, not the internal one's.
        let signing = secret.signing_key(branch, index).unwrap().public_key().to_x_only().0;
        assert_eq!(signing.to_bytes()[..], bytes(output));
        let internal_again = secret.secret_key(branch, index).unwrap().public_key().to_x_only().0;
        assert_eq!(internal_again.to_bytes()[..], bytes(internal));
    }
}

#[test]
fn bip44_addresses() {
    // SLIP132 lists the account key and the first address of the same words; the others are those any wallet shows.
    let spec = presets::bitcoin();
    let public = account(Purpose::Bip44, &spec).to_public().unwrap();
    assert_eq!(
        public.key().encode(&spec.address),
        "xpub6BosfCnifzxcFwrSzQiqu2DBVTshkCXacvNsWGYJVVhhawA7d4R5WSWGFNbi8Aw6ZRc1brxMyWMzG3DSSSSoekkudhUd9yLb6qx39T9nMdj"
    );
    let rows = [
        (Branch::Receive, 0, "1LqBGSKuX5yYUonjxT5qGfpUsXKYYWeabA"),
        (Branch::Receive, 1, "1Ak8PffB2meyfYnbXZR9EGfLfFZVpzJvQP"),
        (Branch::Receive, 2, "1MNF5RSaabFwcbtJirJwKnDytsXXEsVsNb"),
        (Branch::Change, 0, "1J3J6EvPrv8q6AC3VCjWV45Uf3nssNMRtH"),
    ];
    for (branch, index, text) in rows {
        assert_eq!(public.script(branch, index).unwrap().kind(), ScriptKind::P2pkh);
        assert_eq!(address(&public, branch, index, &spec), text);
    }
}

#[test]
fn each_chain_has_its_own_accounts() {
    let (bitcoin, vito) = (presets::bitcoin(), presets::vito());
    for purpose in Purpose::ALL {
        let path = |account, spec| purpose.path(account, spec).unwrap().to_string();
        assert_eq!(path(0, &bitcoin), format!("m/{}'/0'/0'", purpose.number()));
        assert_eq!(path(5, &vito), format!("m/{}'/6334'/5'", purpose.number()));
        let keys = [
            AccountSecret::derive(&seed(), purpose, 0, &bitcoin),
            AccountSecret::derive(&seed(), purpose, 0, &vito),
            AccountSecret::derive(&seed(), purpose, 1, &vito),
        ]
        .map(|account| account.unwrap().to_public().unwrap().key().public_key());
        assert!(keys[0] != keys[1] && keys[1] != keys[2]);
    }
    let first = address(&account(Purpose::Bip44, &vito).to_public().unwrap(), Branch::Receive, 0, &vito);
    assert!(first.starts_with('V'), "{first}");
}

#[test]
fn secrets_and_addresses_belong_together() {
    let spec = presets::vito();
    for purpose in Purpose::ALL {
        let secret = account(purpose, &spec);
        let public = secret.to_public().unwrap();
        assert_eq!((public.purpose(), public.account()), (purpose, 0));
        assert_eq!((secret.purpose(), secret.account()), (purpose, 0));
        let watched = ExtendedPublic::parse(&public.key().encode(&spec.address), &spec.address).unwrap();
        assert_eq!(AccountPublic::new(purpose, watched).unwrap(), public);
        for branch in Branch::ALL {
            for index in [0, 1, 1000, ChildNumber::MAX_INDEX] {
                let key: SecretKey = secret.secret_key(branch, index).unwrap();
                let point: PublicKey = public.public_key(branch, index).unwrap();
                assert_eq!(key.public_key(), point);
                let address = public.address(branch, index).unwrap();
                assert_eq!(address.script_pubkey(), public.script(branch, index).unwrap());
            }
        }
    }
}

#[test]
fn numbers_past_the_last_child_are_refused() {
    let (spec, limit) = (presets::vito(), ChildNumber::MAX_INDEX);
    let (secret, got) = (account(Purpose::Bip84, &spec), limit + 1);
    let public = secret.to_public().unwrap();
    let error = DeriveError::Index { got, limit };
    assert_eq!(secret.secret_key(Branch::Change, got).unwrap_err(), error);
    assert_eq!(secret.signing_key(Branch::Change, got).unwrap_err(), error);
    assert_eq!(public.public_key(Branch::Change, got).unwrap_err(), error);
    assert_eq!(public.script(Branch::Change, got).unwrap_err(), error);
    assert_eq!(public.address(Branch::Change, got).unwrap_err(), error);
    assert!(AccountSecret::derive(&seed(), Purpose::Bip84, limit, &spec).is_ok());
    let error = AccountError::ChildNumber(ChildNumberError { got, limit });
    assert_eq!(AccountSecret::derive(&seed(), Purpose::Bip84, got, &spec).unwrap_err(), error);
}

#[test]
fn only_account_keys_make_accounts() {
    let root = ExtendedSecret::from_seed(&seed()).unwrap();
    let at = |path: &str| {
        AccountPublic::new(Purpose::Bip84, root.derive_path(&path.parse().unwrap()).unwrap().to_public())
    };
    assert!(at("m/84'/0'/0'").is_ok());
    for (path, got) in [("m", 0), ("m/84'", 1), ("m/84'/0'", 2), ("m/84'/0'/0'/0", 4), ("m/84'/0'/0'/0/0", 5)]
    {
        assert_eq!(at(path).unwrap_err(), AccountError::Depth { got, expected: 3 });
    }
    let got = ChildNumber::normal(0).unwrap();
    assert_eq!(at("m/84'/0'/0").unwrap_err(), AccountError::NotHardened { got });
}

#[test]
fn nothing_secret_is_printed() {
    let spec = presets::bitcoin();
    let secret = account(Purpose::Bip84, &spec);
    let fingerprint = secret.key().fingerprint();
    assert_eq!(
        format!("{secret:?}"),
        format!(
            "AccountSecret(Bip84, account 0, ExtendedSecret(depth 3, fingerprint {fingerprint}, redacted))"
        )
    );
    assert_eq!(
        format!("{:?}", secret.to_public().unwrap()),
        format!("AccountPublic(Bip84, account 0, ExtendedPublic(depth 3, fingerprint {fingerprint}))")
    );
}
