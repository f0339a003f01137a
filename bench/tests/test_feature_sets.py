from synthetic import known_table

from earwitness_bench.feature_sets import default_signals, of_signals, published_signals, signal_of


def test_neighbours_are_three_signals_and_everything_else_is_named_by_its_first_part() -> None:
    assert signal_of("neighbour/by=tokens/codebook=2") == "neighbour"
    assert signal_of("neighbour/by=noise=-40dB/codebook=all") == "neighbour_noise"
    assert signal_of("neighbour/by=pitch=+10cents/codebook=0") == "neighbour_audio"
    assert signal_of("min_k_pp/k=0.1/codebook=0/contrast") == "min_k_pp"
    assert signal_of("secmi") == "secmi"


def test_the_sets_are_those_of_the_presets() -> None:
    assert default_signals("token") == {"excess_loss", "min_k_pp_mean"}
    assert default_signals("symbolic") == {"excess_loss"}
    assert default_signals("diffusion") == {"denoising_loss", "pia", "sima"}
    assert published_signals("token") == {"loss", "zlib", "hinge", "min_k", "min_k_pp", "camia"}
    assert "sima" not in published_signals("diffusion")
    assert "gradient_masking" in published_signals("diffusion")


def test_a_cut_table_keeps_the_blind_features_and_the_order() -> None:
    table = known_table(tracks=4, effects={"min_k/k=0.1": 0, "loss": 0, "zlib": 0, "blind/rms": 0})
    cut = of_signals(table, {"zlib", "min_k"})
    assert cut.feature_names == ["min_k/k=0.1", "zlib", "blind/rms"]
    assert set(cut.specs) == set(cut.feature_names)
    assert cut.frame["zlib"].to_list() == table.frame["zlib"].to_list()
