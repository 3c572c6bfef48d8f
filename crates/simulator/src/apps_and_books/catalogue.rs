//! What the simulated store sells. Every name and identifier is invented.

use russet_protocol::{AdamId, Platform, PricingParam};
use serde::{Deserialize, Serialize};

/// A product of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Product {
    /// The store number.
    pub adam_id: u64,
    /// The name people see.
    pub name: String,
    /// The bundle identifier; books have none.
    #[serde(default)]
    pub bundle_id: Option<String>,
    /// Where it runs; empty for a book.
    #[serde(default)]
    pub platforms: Vec<Platform>,
    /// The version people see.
    #[serde(default = "first_version")]
    pub version: String,
    /// The number of that version in the store (`externalId`).
    #[serde(default = "first_external_version")]
    pub external_version_id: u64,
    /// The oldest system it runs on.
    #[serde(default = "oldest_system")]
    pub minimum_os_version: String,
    /// Whether licenses can be given to devices. Default yes.
    #[serde(default = "yes")]
    pub device_assignable: bool,
    /// Whether licenses can be taken back. Default yes.
    #[serde(default = "yes")]
    pub revocable: bool,
    /// A custom app: the metadata lookup shows it only to the organization that owns it.
    #[serde(default)]
    pub custom: bool,
    /// Whether the metadata lookup knows it. Default yes.
    #[serde(default = "yes")]
    pub has_metadata: bool,
    /// How the metadata lookup writes its artwork.
    #[serde(default)]
    pub artwork: ArtworkShape,
    /// Who made it.
    #[serde(default)]
    pub seller: String,
    /// What one license costs, in the country's currency; 0 for a free product.
    #[serde(default)]
    pub price: f64,
    /// The countries (two letters) whose store sells it; all where empty.
    #[serde(default)]
    pub countries: Vec<String>,
}

/// The two forms in which the metadata lookup writes artwork.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArtworkShape {
    /// One object whose URL has placeholders for width, height and format.
    #[default]
    Template,
    /// A list of pictures, each of one size.
    Sizes,
}

fn first_version() -> String {
    "1.0".to_owned()
}

fn first_external_version() -> u64 {
    900_000_001
}

fn oldest_system() -> String {
    "15.0".to_owned()
}

fn yes() -> bool {
    true
}

impl Product {
    /// A product of the demo: revocable, assignable to devices, known to the lookup.
    fn app(adam_id: u64, name: &str, bundle_id: &str, platforms: &[Platform], version: (&str, u64)) -> Self {
        Self {
            adam_id,
            name: name.to_owned(),
            bundle_id: Some(bundle_id.to_owned()),
            platforms: platforms.to_vec(),
            version: version.0.to_owned(),
            external_version_id: version.1,
            minimum_os_version: oldest_system(),
            device_assignable: true,
            revocable: true,
            custom: false,
            has_metadata: true,
            artwork: ArtworkShape::Template,
            seller: "Example Software AG".to_owned(),
            price: 0.0,
            countries: Vec::new(),
        }
    }

    /// The store number, typed.
    #[must_use]
    pub fn adam(&self) -> AdamId {
        AdamId(self.adam_id)
    }

    /// Whether it is an app, not a book.
    #[must_use]
    pub fn is_app(&self) -> bool {
        self.bundle_id.is_some()
    }

    /// `supportedPlatforms` of an asset: iOS stands for iPadOS too.
    #[must_use]
    pub fn supported_platforms(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self
            .platforms
            .iter()
            .map(|platform| if platform.is_ios_family() { Platform::Ios } else { *platform }.as_str())
            .collect();
        names.dedup();
        names
    }
}

/// How many licenses of a product a location holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Holding {
    /// The product's store number.
    pub adam_id: u64,
    /// The quality. Default standard.
    #[serde(default)]
    pub pricing_param: PricingParam,
    /// How many; `null` for a free product without a limit.
    pub quantity: Option<u32>,
}

/// A location (organizational unit) to simulate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocationSetup {
    /// The location's name.
    pub name: String,
    /// The organization's name; stands in the token. Default: the location's name.
    #[serde(default)]
    pub organization: Option<String>,
    /// ISO country code, two letters. Default `DE`.
    #[serde(default = "germany")]
    pub country: String,
    /// A school instead of a business.
    #[serde(default)]
    pub education: bool,
    /// The library's id; made up where absent.
    #[serde(default)]
    pub u_id: Option<String>,
    /// The text of a `.vpptoken` that an earlier run handed out, to be valid again; a new one is made where absent.
    #[serde(default)]
    pub vpptoken: Option<String>,
    /// What it holds.
    #[serde(default)]
    pub holdings: Vec<Holding>,
}

fn germany() -> String {
    "DE".to_owned()
}

/// The products of the demo: for iPhone, iPad, Mac and several of them; a custom app, a free one without limit, one that
/// can only be given to people, and a book in two qualities.
#[must_use]
pub fn demo_products() -> Vec<Product> {
    use Platform::{Ios, IpadOs, MacOs};
    let sizes = |product| Product { artwork: ArtworkShape::Sizes, ..product };
    let paid = |price, product| Product { price, ..product };
    vec![
        paid(
            9.99,
            Product::app(1_500_000_101, "Fieldbook", "com.example.fieldbook", &[Ios, IpadOs], ("4.2.1", 871_200_410)),
        ),
        Product::app(1_500_000_102, "Ledger Scan", "com.example.ledgerscan", &[Ios], ("2.0", 871_200_522)),
        sizes(Product::app(1_500_000_103, "Planwerk Viewer", "com.example.planwerk", &[IpadOs], ("7.1", 871_200_633))),
        sizes(paid(
            39.99,
            Product::app(1_500_000_104, "Keynest", "com.example.keynest.mac", &[MacOs], ("3.6.2", 871_200_704)),
        )),
        Product::app(
            1_500_000_105,
            "Roundtable",
            "com.example.roundtable",
            &[Ios, IpadOs, MacOs],
            ("11.4", 871_200_815),
        ),
        Product {
            custom: true,
            seller: "Example GmbH".to_owned(),
            ..Product::app(1_500_000_106, "Depot Console", "com.example.depot", &[Ios, IpadOs], ("1.9.3", 871_200_926))
        },
        Product::app(1_500_000_107, "Lumen Notes", "com.example.lumen", &[Ios, IpadOs, MacOs], ("5.0.1", 871_201_037)),
        Product {
            device_assignable: false,
            ..Product::app(1_500_000_108, "Parcel Voice", "com.example.parcelvoice", &[Ios], ("1.2", 871_201_148))
        },
        Product {
            bundle_id: None,
            device_assignable: false,
            revocable: false,
            ..Product::app(1_500_000_201, "Handbook of Field Safety", "", &[], ("1", 871_201_259))
        },
    ]
}

/// The location of the demo, "Example GmbH – Berlin".
#[must_use]
pub fn demo_location() -> LocationSetup {
    let holding = |adam_id, quantity| Holding { adam_id, pricing_param: PricingParam::Standard, quantity };
    LocationSetup {
        name: "Example GmbH – Berlin".to_owned(),
        organization: Some("Example GmbH".to_owned()),
        country: germany(),
        education: false,
        u_id: Some("2049025000431439".to_owned()),
        vpptoken: None,
        holdings: vec![
            holding(1_500_000_101, Some(60)),
            holding(1_500_000_102, Some(40)),
            holding(1_500_000_103, Some(40)),
            holding(1_500_000_104, Some(40)),
            holding(1_500_000_105, Some(80)),
            holding(1_500_000_106, Some(30)),
            holding(1_500_000_107, None),
            holding(1_500_000_108, Some(10)),
            holding(1_500_000_201, Some(5)),
            Holding { pricing_param: PricingParam::Plus, ..holding(1_500_000_201, Some(2)) },
        ],
    }
}
